/**
 * docs/clickhouse.md against a real ClickHouse: what it answers is what the file answers. Needs CHDB, the
 * folder of an installed npm package `chdb` (ClickHouse as a library, 540 MB).
 */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openReader, startTelemetry } from "../src/index.ts";
import { readTranscript, replayQuery } from "./support/replay-query.ts";
import { useTempDir } from "./support/temp-dir.ts";

const chdb = process.env["CHDB"];
const tempDir = useTempDir();
const DOCS = await Bun.file(join(import.meta.dir, "../docs/clickhouse.md")).text();

/** The columns of the exporter's `otel_traces` that stand for a span, in its own types. */
const COLUMNS = `Timestamp DateTime64(9), TraceId String, SpanId String, ParentSpanId String,
  SpanName LowCardinality(String), SpanAttributes Map(LowCardinality(String), String), Duration UInt64,
  \`Events.Name\` Array(LowCardinality(String)),
  \`Events.Attributes\` Array(Map(LowCardinality(String), String))`;

interface Session {
  query(sql: string, format?: string): string;
  close(): void;
}

interface SpanRow {
  startNs: bigint;
  endNs: bigint;
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  name: string;
  attributes: string;
  events: string;
}

/** As the collector writes attributes into a map of text. */
function texts(attributes: Record<string, unknown> = {}): Record<string, string> {
  const entries = Object.entries(attributes);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

function seconds(ns: bigint): string {
  return `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, "0")}`;
}

/** The page's queries end with the second before this one. */
const AGO_NS = 2_000_000_000n;

/** The file's spans as the exporter would insert them, one JSON object a line. */
function exportedRows(dbPath: string): string {
  const db = new Database(dbPath, { readonly: true, safeIntegers: true });
  const rows = db
    .query(
      `SELECT start_ns AS startNs, end_ns AS endNs, trace_id AS traceId, span_id AS spanId,
         parent_span_id AS parentSpanId, name, attributes, events FROM spans`,
    )
    .all() as SpanRow[];
  db.close(true);
  const lines = rows.map((row) => {
    const events = JSON.parse(row.events) as {
      name: string;
      attributes?: Record<string, unknown>;
    }[];
    return JSON.stringify({
      Timestamp: seconds(row.startNs - AGO_NS),
      TraceId: row.traceId,
      SpanId: row.spanId,
      ParentSpanId: row.parentSpanId ?? "",
      SpanName: row.name,
      SpanAttributes: texts(JSON.parse(row.attributes)),
      Duration: Number(row.endNs - row.startNs),
      "Events.Name": events.map(({ name }) => name),
      "Events.Attributes": events.map(({ attributes }) => texts(attributes)),
    });
  });
  return lines.join("\n");
}

/** Runs of every kind: with an account of their own, with nothing but a result, and with calls. */
async function writeRuns(dbPath: string): Promise<void> {
  const telemetry = startTelemetry({ dbPath, serviceName: "bot" });
  for (const [index, name] of ["bash", "subagent", "maxturns", "abort"].entries()) {
    const query = telemetry.instrumentQuery(replayQuery(readTranscript(name)));
    const run = { name: "reviewer", repo: "acme/api", prNumber: index + 1, eventType: "review" };
    const ended = telemetry.traceExecution(run, async () => {
      for await (const _ of query({ prompt: "Review it." }));
    });
    await ended.catch(() => undefined); // The aborted one throws what it threw.
  }
  await telemetry.traceExecution(
    { name: "writer", repo: "acme/web", provider: "anthropic", model: "claude-haiku-4-5" },
    async () => ({
      conclusion: "failure" as const,
      ...{ inputTokens: 7, cacheReadTokens: 30, cacheCreationTokens: 5, outputTokens: 11 },
      costUsd: 0.25,
    }),
  );
  await telemetry.traceExecution({ name: "asker", repo: "acme/docs" }, async () => {
    const attributes = {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.response.model": "gpt-4o",
      "gen_ai.usage.input_tokens": 100,
      "gen_ai.usage.cache_read.input_tokens": 40,
      "gen_ai.usage.output_tokens": 9,
    };
    telemetry.tracer.startSpan("chat gpt-4o", { attributes }).end();
  });
  await telemetry.shutdown();
}

/** What the page's queries answer, in their order. */
function answers(session: Session): Record<string, unknown>[][] {
  const queries = [...DOCS.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql = ""]) => sql);
  return queries.flatMap((sql) => {
    if (!sql.startsWith("CREATE VIEW")) return [JSON.parse(session.query(sql, "JSON")).data];
    session.query(sql);
    return [];
  });
}

/** The same questions to the file. A cost that no span reports is computed there, and unpriced in ClickHouse. */
const SAME_QUESTIONS = [
  'SELECT count(*) AS "uniqExact(TraceId, SpanId)" FROM spans',
  `SELECT u.model, e.repo, count(DISTINCT u.trace_id) AS traces, sum(u.input_tokens) AS uncached_in,
     sum(u.cache_read_tokens) AS cache_read, coalesce(sum(u.cache_creation_tokens), 0) AS cache_write,
     sum(u.output_tokens) AS output, round(sum(u.reported_cost_usd), 6) AS cost,
     sum(u.reported_cost_usd IS NULL) AS unpriced
   FROM model_usage u JOIN executions e ON e.id = u.execution_id WHERE u.counted
   GROUP BY 1, 2 ORDER BY cost DESC NULLS LAST`,
  `SELECT substr(created_at, 1, 10) AS day, round(sum(reported_cost_usd), 6) AS cost,
     sum(reported_cost_usd IS NULL) AS unpriced FROM model_usage WHERE counted GROUP BY 1`,
  `SELECT e.repo, cast(e.pr_number AS TEXT) AS pr_number, count(DISTINCT u.trace_id) AS traces,
     round(sum(u.reported_cost_usd), 6) AS cost
   FROM model_usage u JOIN executions e ON e.id = u.execution_id
   WHERE u.counted AND e.pr_number IS NOT NULL GROUP BY 1, 2 ORDER BY cost DESC`,
  `SELECT agent_name, count(*) AS runs, sum(conclusion <> 'success') AS failed
   FROM executions GROUP BY 1 ORDER BY runs DESC`,
];

describe.skipIf(!chdb)(
  chdb ? "a real ClickHouse" : "a real ClickHouse (skipped: CHDB does not name one)",
  () => {
    test("answers every query of docs/clickhouse.md as the file does, spans sent twice included", async () => {
      const directory = tempDir();
      const dbPath = join(directory, "telemetry.db");
      await writeRuns(dbPath);
      const rowsPath = join(directory, "rows.jsonl");
      writeFileSync(rowsPath, exportedRows(dbPath));
      const module = (await import(join(chdb ?? "", "index.js"))) as { Session: new () => Session };
      const session = new module.Session();
      session.query("CREATE DATABASE otel");
      session.query(
        `CREATE TABLE otel.otel_traces (${COLUMNS}) ENGINE = MergeTree ORDER BY TraceId`,
      );
      const rows = `file('${rowsPath}', 'JSONEachRow', '${COLUMNS.replaceAll("\n", " ")}')`;
      for (const _ of ["once", "again"]) {
        session.query(`INSERT INTO otel.otel_traces SELECT * FROM ${rows}`);
      }
      const answered = answers(session);
      session.close();

      using reader = openReader(dbPath);
      expect(answered).toHaveLength(SAME_QUESTIONS.length);
      for (const [index, sql] of SAME_QUESTIONS.entries()) {
        const expected = reader.all<Record<string, unknown>>(sql);
        const named = Object.keys(expected[0] ?? {});
        // ClickHouse writes 64-bit integers as text.
        const texted = (row: Record<string, unknown>) => named.map((name) => String(row[name]));
        expect(answered[index]?.map(texted).sort()).toEqual(expected.map(texted).sort());
      }
    }, 120_000);
  },
);
