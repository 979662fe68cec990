/**
 * The spans of recent traces, as far as settling needs them, kept in memory so that a trace is not
 * read back for every batch. A state is only trusted while the file has as many spans as it knows of:
 * another process may have added some.
 */
import type { Database, Statement } from "bun:sqlite";
import { loneCallOf } from "./lone-call.ts";
import { PurgedTraces } from "./purged-traces.ts";
import type { TraceNode } from "./settle.ts";
import { TraceReader } from "./trace-reader.ts";

/** Bounds what is remembered; an evicted trace is read back when it is written to again. */
const MAX_NODES = 10_000;

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
  /** What its row in `traces` says. */
  stored: StoredTrace;
  /** Whether it was purged, and what it was counted for is still to be brought back. */
  isPurged: boolean;
  /** What stands in `usage_rows`, by span id. */
  storedUsage: Map<string, StoredUsage>;
  /** What stands in `executions`, by span id. */
  storedRuns: Map<string, StoredRun>;
}

export interface StoredTrace {
  lastSeenMs: number;
  spans: number;
  settles: boolean;
}

/** The rows of one span, whose ids follow each other. What was read back differs from whatever is settled. */
export interface StoredUsage {
  firstId: number;
  lastId: number;
  settled: { runId: number | null; endedMs: number; counted: number } | null;
}

export interface StoredRun {
  id: number;
  /** All values of the row; null where it was read back. */
  values: readonly (string | number | null)[] | null;
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
  readonly #add: Statement<unknown, [string, number, number, number]>;
  readonly #update: Statement<unknown, [number, number, number, number]>;
  readonly #reader: TraceReader;
  readonly #purged: PurgedTraces;
  #nodeCount = 0;

  constructor(db: Database) {
    this.#find = db.prepare(
      "SELECT id, spans, settles, last_seen_ms FROM traces WHERE trace_id = unhex(?)",
    );
    this.#add = db.prepare(
      "INSERT INTO traces (trace_id, last_seen_ms, spans, settles) VALUES (unhex(?), ?, ?, ?)",
    );
    this.#update = db.prepare(
      "UPDATE traces SET last_seen_ms = ?, spans = ?, settles = ? WHERE id = ?",
    );
    this.#reader = new TraceReader(db);
    this.#purged = new PurgedTraces(db);
  }

  /**
   * The state of a trace that `arriving` spans are about to be added to, from memory, from the file, or
   * new. Runs inside the writing transaction.
   */
  open(traceId: string, arriving: readonly TraceNode[], nowMs: number): TraceState {
    return this.find(traceId) ?? this.#keep(traceId, this.#create(traceId, arriving, nowMs));
  }

  /** The same for a trace that the file has; undefined where it never had it, or where it was purged. */
  find(traceId: string): TraceState | undefined {
    const row = this.#find.get(traceId);
    const known = this.#states.get(traceId);
    if (known) this.#drop(traceId, known); // It comes back as the one used last.
    if (!row) return undefined;
    if (known && this.#isAsInFile(known, row)) {
      known.stored = storedTrace(row);
      return this.#keep(traceId, known);
    }
    return this.#keep(traceId, this.#read(row, traceId));
  }

  /** The spans of a trace that was purged of late; none where there is none. */
  purgedNodes(traceId: string): Map<string, TraceNode> {
    return new Map(this.#purged.recall(traceId).map((node) => [node.spanId, node]));
  }

  /** Brings the row of a trace to what is known of it by now. */
  store(state: TraceState, nowMs: number): void {
    // A clock that ran ahead must not keep a trace from ever growing old.
    const lastSeenMs = Math.max(state.stored.lastSeenMs, Math.min(state.lastSeenMs, nowMs));
    const trace = { lastSeenMs, spans: state.nodes.size, settles: state.settles };
    if (isSame(trace, state.stored)) return;
    this.#update.run(lastSeenMs, trace.spans, trace.settles ? 1 : 0, state.traceNo);
    state.stored = trace;
  }

  /** Another process may have added spans, or have found the twin of a lone call. */
  #isAsInFile({ traceNo, nodes }: TraceState, row: TraceRow): boolean {
    if (traceNo !== row.id || nodes.size !== row.spans) return false;
    const call = loneCallOf(nodes);
    return call === null || this.#reader.isCounted(traceNo) !== (call.twinCounts ?? false);
  }

  #keep(traceId: string, state: TraceState): TraceState {
    this.#states.set(traceId, state);
    this.#nodeCount += state.nodes.size;
    return state;
  }

  /**
   * A span that says nothing, and that none is known beneath, leaves the trace as settled as it is, but
   * for a lone call that did not count: now it is not alone any more.
   */
  add(state: TraceState, node: TraceNode): void {
    state.isUnsettled ||= settles(node) || state.parents.has(node.spanId);
    state.isUnsettled ||= loneCallOf(state.nodes)?.twinCounts === true;
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

  /** Its row is what it will be once all of the arriving spans are in. */
  #create(traceId: string, arriving: readonly TraceNode[], nowMs: number): TraceState {
    const purged = this.#purged.recall(traceId);
    const nodes = [...purged, ...arriving];
    const lastSeenMs = nodes.reduce((latest, { endMs }) => Math.max(latest, endMs), 0);
    const stored = {
      lastSeenMs: Math.min(lastSeenMs, nowMs),
      spans: new Set(nodes.map(({ spanId }) => spanId)).size,
      settles: nodes.some(settles),
    };
    const { lastInsertRowid } = this.#add.run(
      traceId,
      stored.lastSeenMs,
      stored.spans,
      stored.settles ? 1 : 0,
    );
    const state = emptyState(Number(lastInsertRowid), stored);
    for (const node of purged) {
      know(state, node);
      state.settles ||= settles(node);
      state.lastSeenMs = Math.max(state.lastSeenMs, node.endMs);
      state.isPurged = true;
    }
    return state;
  }

  #read(row: TraceRow, traceId: string): TraceState {
    const state = emptyState(row.id, storedTrace(row));
    state.settles = row.settles === 1;
    state.lastSeenMs = row.last_seen_ms;
    for (const node of this.#reader.nodesOf(row.id, traceId).values()) know(state, node);
    // What the rows say is unknown: they are written again, to the same values.
    for (const { span_id, first_id, last_id } of this.#reader.usageIdsOf(row.id)) {
      state.storedUsage.set(span_id, { firstId: first_id, lastId: last_id, settled: null });
    }
    for (const { span_id, id } of this.#reader.runIdsOf(row.id)) {
      state.storedRuns.set(span_id, { id, values: null });
    }
    return state;
  }
}

function know(state: TraceState, node: TraceNode): void {
  state.nodes.set(node.spanId, node);
  if (node.parentSpanId !== null) state.parents.add(node.parentSpanId);
}

function settles(node: TraceNode): boolean {
  return node.usage !== null || node.execution !== null;
}

function storedTrace(row: TraceRow): StoredTrace {
  return { lastSeenMs: row.last_seen_ms, spans: row.spans, settles: row.settles === 1 };
}

function isSame(a: StoredTrace, b: StoredTrace): boolean {
  return a.lastSeenMs === b.lastSeenMs && a.spans === b.spans && a.settles === b.settles;
}

function emptyState(traceNo: number, stored: StoredTrace): TraceState {
  return {
    traceNo,
    nodes: new Map(),
    parents: new Set(),
    settles: false,
    isUnsettled: false,
    lastSeenMs: 0,
    stored,
    isPurged: false,
    storedUsage: new Map(),
    storedRuns: new Map(),
  };
}
