/**
 * Spans a second into the file, with all indexes, settling, prices and checkpoints, beside the floor:
 * one prepared INSERT of the same spans into a plain table without an index, 512 a transaction.
 * `--spans 1000000`: how many; the two take turns, million by million.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentSpans, take } from "./agent-traces.ts";
import { type Figure, median, numberOption, report, threadCpuUs } from "./figures.ts";
import { PlainTable, plainRow } from "./plain-table.ts";
import { BatchWriter, encoded, endMs } from "./writer.ts";

function ratio(values: readonly number[]): number {
  return (values.at(-1) ?? Number.NaN) / (values[0] ?? Number.NaN);
}

const BATCH_SPANS = 512;
const spans = numberOption("spans", 1_000_000);
const part = Math.min(1_000_000, Math.ceil(spans / 10));

const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
try {
  const writer = new BatchWriter(join(directory, "ledger.db"));
  const table = new PlainTable(join(directory, "plain.db"), "no index");
  const source = agentSpans();
  const rates: number[] = [];
  const floors: number[] = [];
  let partMs = 0;
  let floorMs = 0;
  let cpuUs = 0;
  let floorCpuUs = 0;
  let inPart = 0;
  for (let written = 0; written < spans; written += BATCH_SPANS) {
    const batch = take(source, BATCH_SPANS);
    const text = encoded(batch);
    const nowMs = endMs(batch);
    const rows = batch.map(plainRow);
    const [beganMs, beganUs] = [performance.now(), threadCpuUs()];
    table.write(rows);
    const [middleMs, middleUs] = [performance.now(), threadCpuUs()];
    writer.write(text, nowMs);
    floorMs += middleMs - beganMs;
    floorCpuUs += middleUs - beganUs;
    partMs += performance.now() - middleMs;
    cpuUs += threadCpuUs() - middleUs;
    inPart += batch.length;
    if (inPart < part) continue;
    rates.push((inPart * 1000) / partMs);
    floors.push((inPart * 1000) / floorMs);
    partMs = floorMs = inPart = 0;
  }
  writer.close();
  table.close();
  const ratios = rates.map((rate, i) => rate / (floors[i] ?? Number.NaN));
  const first = rates[0] ?? Number.NaN;
  const last = rates.at(-1) ?? Number.NaN;
  const figures: Figure[] = [
    { name: "spanledger", value: median(rates), unit: "spans/s" },
    { name: "floor", value: median(floors), unit: "spans/s" },
    { name: "beside the floor", value: median(ratios), unit: "×", goal: { atLeast: 0.5 } },
    { name: `first ${part.toLocaleString("en")} spans`, value: first, unit: "spans/s" },
    { name: `last ${part.toLocaleString("en")} spans`, value: last, unit: "spans/s" },
    { name: "last beside first", value: ratio(rates), unit: "×", goal: { atLeast: 0.85 } },
    // A machine that is busy with something else slows both down.
    { name: "the floor's last beside its first", value: ratio(floors), unit: "×" },
    { name: "spanledger", value: cpuUs / spans, unit: "µs of CPU a span" },
    { name: "floor", value: floorCpuUs / spans, unit: "µs of CPU a span" },
    { name: "memory of the process", value: process.memoryUsage.rss() / 2 ** 20, unit: "MiB" },
  ];
  report(`Ingest, ${spans.toLocaleString("en")} spans of agents`, figures);
} finally {
  rmSync(directory, { recursive: true });
}
