/**
 * Takes traces out of the file: whole traces together, oldest first, in chunks that are one short
 * transaction each.
 *
 * 1. `retire`: what a trace cost goes into `usage_daily`, and its row in `traces`, its runs and its
 *    usage go. With them it is gone from every view and report. What settling needs of it is
 *    remembered for a while (purged-traces.ts).
 * 2. `deleteSpans`: its rows in `span_rows`, which may be very many, go by and by.
 *
 * Whatever is left to do stands in the file, so that a purge that was killed goes on where it was.
 */
import type { Database, Statement } from "bun:sqlite";
import { PurgedTraces } from "./purged-traces.ts";
import { TraceReader } from "./trace-reader.ts";
import { UsageDaily } from "./usage-daily.ts";

/** A larger trace is not remembered: reading it would hold the lock for too long. */
const MAX_REMEMBERED_SPANS = 5000;
/** So a larger one is only purged once none of its spans has ended for this long: it is at rest. */
const REST_MS = 3_600_000;

export interface PurgeReport {
  traces: number;
  spans: number;
  /** When the traces that went were last seen; null where none went. */
  oldestMs: number | null;
  newestMs: number | null;
}

interface Candidate {
  id: number;
  trace_id: string;
  last_seen_ms: number;
  spans: number;
}

export const NOTHING_PURGED: PurgeReport = { traces: 0, spans: 0, oldestMs: null, newestMs: null };

/** The sum of two reports; the later one is of younger traces. */
export function addReports(a: PurgeReport, b: PurgeReport): PurgeReport {
  return {
    traces: a.traces + b.traces,
    spans: a.spans + b.spans,
    oldestMs: a.oldestMs ?? b.oldestMs,
    newestMs: b.newestMs ?? a.newestMs,
  };
}

function deleteOf(db: Database, table: string, column: string): Statement<unknown, [string]> {
  return db.prepare(`DELETE FROM ${table} WHERE ${column} IN (SELECT value FROM json_each(?))`);
}

/** Every method runs inside a transaction of the caller. */
export class Purger {
  readonly #reader: TraceReader;
  readonly #purged: PurgedTraces;
  readonly #usageDaily: UsageDaily;
  readonly #oldest: Statement<Candidate, [number, number, number]>;
  readonly #queueSpans: Statement<unknown, [string]>;
  readonly #deletes: readonly Statement<unknown, [string]>[];
  readonly #nextQueued: Statement<{ trace_no: number }, []>;
  readonly #deleteSpans: Statement<unknown, [number, number]>;
  readonly #dequeue: Statement<unknown, [number]>;
  readonly #noteSpans: Statement<unknown, [number]>;

  constructor(db: Database) {
    this.#reader = new TraceReader(db);
    this.#purged = new PurgedTraces(db);
    this.#usageDaily = new UsageDaily(db);
    this.#oldest = db.prepare(
      `SELECT id, lower(hex(trace_id)) AS trace_id, last_seen_ms, spans FROM traces
       WHERE last_seen_ms < ?1 AND (spans <= ${MAX_REMEMBERED_SPANS} OR last_seen_ms < ?2)
       ORDER BY last_seen_ms LIMIT ?3`,
    );
    this.#queueSpans = db.prepare("INSERT INTO purged_spans SELECT value FROM json_each(?)");
    this.#deletes = [
      deleteOf(db, "usage_rows", "trace_no"),
      deleteOf(db, "executions", "trace_no"),
      deleteOf(db, "execution_spans", "trace_no"),
      deleteOf(db, "traces", "id"),
    ];
    this.#nextQueued = db.prepare("SELECT trace_no FROM purged_spans ORDER BY trace_no LIMIT 1");
    this.#deleteSpans = db.prepare(
      "DELETE FROM span_rows WHERE id IN (SELECT id FROM span_rows WHERE trace_no = ? LIMIT ?)",
    );
    this.#dequeue = db.prepare("DELETE FROM purged_spans WHERE trace_no = ?");
    this.#noteSpans = db.prepare("UPDATE upkeep SET purged_spans = purged_spans + ?");
  }

  /**
   * Purges the oldest traces that were last seen before `beforeMs`: at least one where there is one,
   * and no more than make up `maxSpans` spans.
   */
  retire(beforeMs: number, maxSpans: number, nowMs: number): PurgeReport {
    const chosen: Candidate[] = [];
    let spans = 0;
    for (const trace of this.#oldest.all(beforeMs, nowMs - REST_MS, maxSpans)) {
      spans += trace.spans;
      if (chosen.length > 0 && spans > maxSpans) break;
      chosen.push(trace);
    }
    if (chosen.length === 0) return NOTHING_PURGED;
    for (const trace of chosen) this.#remember(trace, nowMs);
    const traceNos = chosen.map((trace) => trace.id);
    this.#usageDaily.add(traceNos);
    const list = JSON.stringify(traceNos);
    this.#queueSpans.run(list);
    for (const statement of this.#deletes) statement.run(list);
    return {
      traces: chosen.length,
      spans: chosen.reduce((sum, trace) => sum + trace.spans, 0),
      oldestMs: chosen.at(0)?.last_seen_ms ?? null,
      newestMs: chosen.at(-1)?.last_seen_ms ?? null,
    };
  }

  #remember(trace: Candidate, nowMs: number): void {
    const nodes =
      trace.spans > MAX_REMEMBERED_SPANS
        ? []
        : this.#reader.nodesOf(trace.id, trace.trace_id).values();
    this.#purged.remember(trace.trace_id, nodes, nowMs);
  }

  /**
   * Deletes up to about `maxSpans` spans of traces that were retired.
   * @returns whether there were any left.
   */
  deleteSpans(maxSpans: number): boolean {
    let next = this.#nextQueued.get();
    if (!next) return false;
    let deleted = 0;
    for (let left = maxSpans; next && left > 0; ) {
      const { changes } = this.#deleteSpans.run(next.trace_no, left);
      deleted += changes;
      left -= changes + 1; // The look at a trace counts too.
      if (left < 0) break;
      this.#dequeue.run(next.trace_no);
      next = this.#nextQueued.get();
    }
    this.#noteSpans.run(deleted);
    return true;
  }
}
