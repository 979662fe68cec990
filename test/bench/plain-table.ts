/**
 * The floor that ingest and bytes are measured against: the same spans in one plain table, ids and
 * attributes as text, without resource and scope, by one prepared INSERT.
 */
import { Database, type Statement } from "bun:sqlite";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";

export type PlainRow = [
  string,
  string,
  string | null,
  string,
  number,
  number,
  number,
  number,
  string,
  string | null,
];

export function plainRow(span: ReadableSpan): PlainRow {
  const { traceId, spanId } = span.spanContext();
  return [
    traceId,
    spanId,
    span.parentSpanContext?.spanId ?? null,
    span.name,
    span.kind,
    span.startTime[0] * 1e9 + span.startTime[1],
    span.duration[0] * 1e9 + span.duration[1],
    span.status.code,
    JSON.stringify(span.attributes),
    span.events.length > 0 ? JSON.stringify(span.events) : null,
  ];
}

export class PlainTable {
  readonly db: Database;
  readonly #insert: Statement<unknown, PlainRow>;
  readonly #write: (rows: readonly PlainRow[]) => void;

  constructor(path: string, index: "no index" | "unique index") {
    this.db = new Database(path);
    this.db.run("PRAGMA journal_mode = WAL");
    this.db.run("PRAGMA synchronous = NORMAL");
    this.db.run(`CREATE TABLE spans (trace_id TEXT NOT NULL, span_id TEXT NOT NULL,
      parent_span_id TEXT, name TEXT NOT NULL, kind INTEGER NOT NULL, start_ns INTEGER NOT NULL,
      duration_ns INTEGER NOT NULL, status_code INTEGER NOT NULL, attributes TEXT NOT NULL,
      events TEXT)`);
    if (index === "unique index") this.db.run("CREATE UNIQUE INDEX k ON spans (trace_id, span_id)");
    this.#insert = this.db.prepare("INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.#write = this.db.transaction((rows: readonly PlainRow[]) => {
      for (const row of rows) this.#insert.run(...row);
    });
  }

  /** In one transaction. */
  write(rows: readonly PlainRow[]): void {
    this.#write(rows);
  }

  close(): void {
    this.db.close(true);
  }
}
