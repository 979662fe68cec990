/**
 * Bytes a span takes on the disk, all tables and indexes and the dictionary included, beside a plain
 * table of the same spans and beside OTLP/JSON. `--spans 200000`: how many.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import { agentSpans, take } from "./agent-traces.ts";
import { numberOption, report } from "./figures.ts";
import { PlainTable, plainRow } from "./plain-table.ts";
import { BatchWriter, encoded, endMs } from "./writer.ts";

const BATCH_SPANS = 512;
const spans = numberOption("spans", 200_000);
const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
try {
  const path = join(directory, "ledger.db");
  const writer = new BatchWriter(path);
  const plain = new PlainTable(join(directory, "plain.db"), "no index");
  const indexed = new PlainTable(join(directory, "indexed.db"), "unique index");
  const source = agentSpans();
  let otlpBytes = 0;
  let written = 0;
  for (; written < spans; written += BATCH_SPANS) {
    const batch = take(source, BATCH_SPANS);
    writer.write(encoded(batch), endMs(batch));
    const rows = batch.map(plainRow);
    plain.write(rows);
    indexed.write(rows);
    otlpBytes += JsonTraceSerializer.serializeRequest(batch)?.byteLength ?? 0;
  }
  const files = [writer, plain, indexed];
  for (const file of files) file.close(); // Checkpoints: the file is then all there is.
  const bytesOf = (name: string): number => statSync(join(directory, name)).size / written;
  const ours = bytesOf("ledger.db");
  report(`Bytes a span, ${written.toLocaleString("en")} spans of agents`, [
    { name: "spanledger, with all indexes and usage rows", value: ours, unit: "bytes" },
    { name: "plain table", value: bytesOf("plain.db"), unit: "bytes" },
    {
      name: "plain table with a unique index of the ids",
      value: bytesOf("indexed.db"),
      unit: "bytes",
    },
    { name: "OTLP/JSON", value: otlpBytes / written, unit: "bytes" },
    {
      name: "beside the plain table",
      value: ours / bytesOf("plain.db"),
      unit: "×",
      goal: { atMost: 0.6 },
    },
    { name: "beside the indexed table", value: ours / bytesOf("indexed.db"), unit: "×" },
    { name: "beside OTLP/JSON", value: (ours * written) / otlpBytes, unit: "×" },
  ]);
} finally {
  rmSync(directory, { recursive: true });
}
