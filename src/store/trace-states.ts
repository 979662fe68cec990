/**
 * The spans of recent traces, as far as settling needs them, kept in memory so that a trace is not
 * read back for every batch. A state is only trusted while the file has as many spans as it knows of:
 * another process may have added some.
 */
import type { Database, Statement } from "bun:sqlite";
import { PurgedTraces } from "./purged-traces.ts";
import type { TraceNode } from "./settle.ts";
import { TraceReader } from "./trace-reader.ts";

/** Bounds what is remembered; an evicted trace is read back when it is written to again. */
const MAX_NODES = 50_000;

/** A trace as the file has it. */
export interface TraceState {
  traceNo: number;
  nodes: Map<string, TraceNode>;
  /** Ids that spans name as their parent, whether those are known or not. */
  parents: Set<string>;
  settles: boolean;
  /** Whether what was added since it was settled may change who counts. */
  isUnsettled: boolean;
  lastSeenMs: number;
  /** Whether it was purged, and what it was counted for is still to be brought back. */
  isPurged: boolean;
  /** What stands in `usage_rows`, by span id. */
  storedUsage: Map<string, StoredUsage>;
  /** What stands in `executions`, by span id. */
  storedRuns: Map<string, StoredRun>;
}

/** The rows of one span, whose ids follow each other. What was read back differs from whatever is settled. */
export interface StoredUsage {
  firstId: number;
  lastId: number;
  settled: { runId: number | null; endedMs: number; counted: number } | null;
}

export interface StoredRun {
  id: number;
  /** All values of the row as JSON; null where it was read back. */
  json: string | null;
}

interface TraceRow {
  id: number;
  spans: number;
  settles: number;
  last_seen_ms: number;
}

export class TraceStates {
  readonly #states = new Map<string, TraceState>();
  readonly #find: Statement<TraceRow, [string]>;
  readonly #add: Statement<unknown, [string]>;
  readonly #reader: TraceReader;
  readonly #purged: PurgedTraces;
  #nodeCount = 0;

  constructor(db: Database) {
    this.#find = db.prepare(
      "SELECT id, spans, settles, last_seen_ms FROM traces WHERE trace_id = unhex(?)",
    );
    this.#add = db.prepare(
      "INSERT INTO traces (trace_id, last_seen_ms, spans, settles) VALUES (unhex(?), 0, 0, 0)",
    );
    this.#reader = new TraceReader(db);
    this.#purged = new PurgedTraces(db);
  }

  /** The state of a trace, from memory, from the file, or new. Runs inside the writing transaction. */
  open(traceId: string): TraceState {
    const row = this.#find.get(traceId);
    const known = this.#states.get(traceId);
    if (known) this.#drop(traceId, known); // It comes back as the one used last.
    if (row && known && known.traceNo === row.id && known.nodes.size === row.spans) {
      return this.#keep(traceId, known);
    }
    const state = row ? this.#read(row, traceId) : this.#create(traceId);
    return this.#keep(traceId, state);
  }

  #keep(traceId: string, state: TraceState): TraceState {
    this.#states.set(traceId, state);
    this.#nodeCount += state.nodes.size;
    return state;
  }

  /** A span that says nothing, and that none is known beneath, leaves the trace as settled as it is. */
  add(state: TraceState, node: TraceNode): void {
    state.isUnsettled ||=
      node.usage !== null || node.execution !== null || state.parents.has(node.spanId);
    know(state, node);
    this.#nodeCount += 1;
  }

  /** Drops the longest unused beyond the bound, but none of the `used` ones. */
  evict(used: ReadonlyMap<string, TraceState>): void {
    for (const [traceId, state] of this.#states) {
      if (this.#nodeCount <= MAX_NODES) return;
      if (!used.has(traceId)) this.#drop(traceId, state);
    }
  }

  /** Forgets everything: after a rollback memory is ahead of the file. */
  forget(): void {
    this.#states.clear();
    this.#nodeCount = 0;
  }

  #drop(traceId: string, state: TraceState): void {
    this.#states.delete(traceId);
    this.#nodeCount -= state.nodes.size;
  }

  #create(traceId: string): TraceState {
    const state = emptyState(Number(this.#add.run(traceId).lastInsertRowid));
    for (const node of this.#purged.recall(traceId)) {
      know(state, node);
      state.settles ||= node.usage !== null || node.execution !== null;
      state.lastSeenMs = Math.max(state.lastSeenMs, node.endMs);
      state.isPurged = true;
    }
    return state;
  }

  #read(row: TraceRow, traceId: string): TraceState {
    const state = emptyState(row.id);
    state.settles = row.settles === 1;
    state.lastSeenMs = row.last_seen_ms;
    for (const node of this.#reader.nodesOf(row.id, traceId).values()) know(state, node);
    // What the rows say is unknown: they are written again, to the same values.
    for (const { span_id, first_id, last_id } of this.#reader.usageIdsOf(row.id)) {
      state.storedUsage.set(span_id, { firstId: first_id, lastId: last_id, settled: null });
    }
    for (const { span_id, id } of this.#reader.runIdsOf(row.id)) {
      state.storedRuns.set(span_id, { id, json: null });
    }
    return state;
  }
}

function know(state: TraceState, node: TraceNode): void {
  state.nodes.set(node.spanId, node);
  if (node.parentSpanId !== null) state.parents.add(node.parentSpanId);
}

function emptyState(traceNo: number): TraceState {
  return {
    traceNo,
    nodes: new Map(),
    parents: new Set(),
    settles: false,
    isUnsettled: false,
    lastSeenMs: 0,
    isPurged: false,
    storedUsage: new Map(),
    storedRuns: new Map(),
  };
}
