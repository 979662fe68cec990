/**
 * The writing side of the file: one batch, one transaction, idempotent on (trace_id, span_id).
 * One connection; every method is synchronous, and none is called while another runs.
 */
import type { Database, Statement } from "bun:sqlite";
import { Checkpointer, type CheckpointReport } from "./checkpoint.ts";
import { MEMORY_PATH, openDatabase } from "./database.ts";
import { Dictionary } from "./dictionary.ts";
import { networkFileSystemWarning } from "./file-system.ts";
import { hasMoved } from "./has-moved.ts";
import { loneCallOf } from "./lone-call.ts";
import { LoneCalls } from "./lone-calls.ts";
import { Maintainer, type MaintenanceOptions } from "./maintenance.ts";
import type { SpanDetail, SpanRow } from "./rows.ts";
import { filesAt, inodeOf, setAside } from "./set-aside.ts";
import type { TraceNode } from "./settle.ts";
import { SettlementWriter } from "./settlement-writer.ts";
import { statedExecution } from "./stated-facts.ts";
import { type StoreError, toStoreError } from "./store-error.ts";
import { traceNode } from "./trace-reader.ts";
import { type TraceState, TraceStates } from "./trace-states.ts";
import { UsageDaily } from "./usage-daily.ts";

export interface StoreOptions {
  /** The file's path, or `:memory:`. */
  path: string;
  /** One life of one exporter, for `exporter_health`. */
  writer: string;
  /** How long a write waits for another process's lock. */
  busyTimeoutMs: number;
  /** Told what needs a person's eye. */
  warn?: (message: string) => void;
}

export interface WriteResult {
  /** Rows that were new. */
  written: number;
  /** Rows that the file already had. */
  duplicates: number;
  /** Rows that SQLite will never take; the rest of the batch is in. */
  poison: { row: SpanRow; error: StoreError }[];
}

type InsertParams = [
  number,
  string,
  string | null,
  number,
  number,
  number,
  number,
  number,
  string,
  string | null,
];

function withShape(row: SpanRow): string {
  const detail = (row.detail === null ? {} : JSON.parse(row.detail)) as SpanDetail;
  detail.name = row.shape.name;
  detail.keys = JSON.parse(row.shape.attributeKeys) as string[];
  return JSON.stringify(detail);
}

export class Store {
  readonly path: string;
  readonly #db: Database;
  readonly #writer: string;
  readonly #dictionary: Dictionary;
  readonly #traces: TraceStates;
  readonly #loneCalls = new LoneCalls();
  readonly #usageDaily: UsageDaily;
  readonly #checkpointer: Checkpointer;
  readonly #settlements: SettlementWriter;
  readonly #insertSpan: Statement<unknown, InsertParams>;
  readonly #insertExecution: Statement<unknown, [number, string, string]>;
  readonly #health: Statement<unknown, [string, string, string, number, string]>;
  #maintainer: Maintainer | null = null;
  #walInode = 0;

  /** @throws {StoreError} where the file cannot be opened, with what to do about it. */
  constructor({ path, writer, busyTimeoutMs, warn }: StoreOptions) {
    const warning = path === MEMORY_PATH ? null : networkFileSystemWarning(path);
    if (warning) warn?.(warning);
    this.#db = openDatabase(path, busyTimeoutMs);
    this.path = path === MEMORY_PATH ? path : this.#db.filename;
    this.#writer = writer;
    this.#dictionary = new Dictionary(this.#db);
    this.#traces = new TraceStates(this.#db);
    this.#usageDaily = new UsageDaily(this.#db);
    this.#checkpointer = new Checkpointer(this.#db, this.path, busyTimeoutMs);
    this.#settlements = new SettlementWriter(this.#db);
    this.#insertSpan = this.#db.prepare(
      `INSERT INTO span_rows (trace_no, span_id, parent_span_id, shape_id, start_ns, duration_ns,
         status_code, attribute_values, detail)
       VALUES (?1, unhex(?2), unhex(?3), ?4, ?5 * 1000000000 + ?6, ?7, ?8, ?9, ?10)
       ON CONFLICT (trace_no, span_id) DO NOTHING`,
    );
    this.#insertExecution = this.#db.prepare(
      "INSERT OR IGNORE INTO execution_spans (trace_no, span_id, facts) VALUES (?, unhex(?), ?)",
    );
    this.#health = this.#db.prepare(
      `INSERT INTO exporter_health (writer, outcome, reason, spans, first_at, last_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?5)
       ON CONFLICT DO UPDATE SET spans = iif(outcome = 'dropped', ?4, spans + ?4), last_at = ?5`,
    );
  }

  /**
   * Writes a batch in one transaction. A row that SQLite refuses is left out and returned.
   * @throws {StoreError} where the batch as a whole could not be written; nothing of it is then in.
   */
  write(rows: readonly SpanRow[], nowMs: number): WriteResult {
    try {
      const result = this.#transaction(() => this.#writeRows(rows, nowMs));
      this.#loneCalls.commit(nowMs);
      return result;
    } catch (cause) {
      const error = toStoreError("Cannot write to", this.path, cause);
      if (error.kind !== "poison" || rows.length === 0) throw error;
      if (rows.length === 1)
        return { written: 0, duplicates: 0, poison: rows.map((row) => ({ row, error })) };
      // One half is sound more often than not: halving finds the poison in few transactions.
      const middle = rows.length >> 1;
      const left = this.write(rows.slice(0, middle), nowMs);
      const right = this.write(rows.slice(middle), nowMs);
      return {
        written: left.written + right.written,
        duplicates: left.duplicates + right.duplicates,
        poison: [...left.poison, ...right.poison],
      };
    }
  }

  /**
   * Says what this writer has dropped so far, by reason, for people who look at the file alone. Totals,
   * so that saying it again changes nothing.
   */
  recordDrops(totals: Readonly<Record<string, number>>, nowMs: number): void {
    this.#transaction(() => {
      for (const [reason, spans] of Object.entries(totals))
        this.#count("dropped", reason, spans, nowMs);
    });
  }

  /** Says that the file which stood here before is now at `aside`, damaged. */
  recordSetAside(aside: string, nowMs: number): void {
    this.#transaction(() => this.#count("set_aside", aside, 0, nowMs));
  }

  /**
   * Whether the path leads to another file by now, or to none. Asked after a write: what was committed
   * before is certain to be in the file at the path only where the answer is false.
   */
  hasMoved(): boolean {
    if (this.path === MEMORY_PATH) return false;
    if (hasMoved(this.#db)) return true;
    // A -wal that was deleted or replaced takes what is committed from now on along with it.
    const walInode = inodeOf(`${this.path}-wal`);
    if (this.#walInode === 0) this.#walInode = walInode;
    return walInode === 0 || walInode !== this.#walInode;
  }

  /** Closes a file that has moved, and takes its -wal away from the path, where a new file will stand. */
  closeMoved(nowMs: number): void {
    try {
      this.close();
    } finally {
      const files = filesAt(this.path, ["-wal", "-shm"]);
      const isWalLeft = this.#walInode !== 0 && files[0]?.[1] === this.#walInode;
      if (isWalLeft) setAside(this.path, "moved", nowMs, files);
    }
  }

  /** Maintenance over this connection, for whoever writes through it: one a store. */
  maintainer(options: MaintenanceOptions): Maintainer {
    this.#maintainer ??= new Maintainer(
      this.#db,
      this.path,
      this.#writer,
      this.#checkpointer,
      options,
    );
    return this.#maintainer;
  }

  isCheckpointDue(nowMs: number): boolean {
    return this.#checkpointer.isDue(nowMs);
  }

  /** For a writer that takes no steps of maintenance; see `Checkpointer` for what it does. */
  checkpoint(nowMs: number): CheckpointReport {
    return this.#checkpointer.run(nowMs);
  }

  /** Empties the -wal, whose room may be all that a full disk has left. Waits up to the busy timeout. */
  truncateWal(): void {
    this.#checkpointer.truncate();
  }

  close(): void {
    try {
      this.#maintainer?.close();
      this.#checkpointer.truncate();
    } finally {
      this.#db.close(true); // Plain close() leaves statements, and with them the WAL, open.
    }
  }

  #transaction<T>(run: () => T): T {
    try {
      return this.#db.transaction(run).immediate();
    } catch (error) {
      this.#dictionary.forget();
      this.#traces.forget();
      throw toStoreError("Cannot write to", this.path, error);
    }
  }

  #writeRows(rows: readonly SpanRow[], nowMs: number): WriteResult {
    this.#dictionary.refresh();
    const nodes = rows.map(traceNode);
    const touched = this.#openTraces(rows, nodes, nowMs);
    let written = 0;
    rows.forEach((row, i) => {
      const [state, node] = [touched.get(row.traceId), nodes[i]];
      if (!state || !node || !this.#writeSpan(row, node, state)) return;
      written += 1;
      if (loneCallOf(state.nodes) !== node) return;
      this.#loneCalls.add(row.traceId, node, row.shape.resource, nowMs);
    });
    this.#settleLoneCalls(touched);
    const changed: TraceState[] = [];
    for (const [traceId, state] of touched) {
      if (state.settles && state.isUnsettled) {
        this.#settlements.write(traceId, state);
        state.isUnsettled = false;
        changed.push(state);
      }
      this.#traces.store(state, nowMs);
    }
    this.#settlements.forgetTotals(changed);
    if (written > 0) this.#count("written", "", written, nowMs);
    this.#checkpointer.noteRows(written);
    this.#traces.evict(touched);
    return { written, duplicates: rows.length - written, poison: [] };
  }

  /** Adds the traces to `touched` that no span came for, but in which the twin of a call counts or does not. */
  #settleLoneCalls(touched: Map<string, TraceState>): void {
    const stateOf = (traceId: string) => touched.get(traceId) ?? this.#traces.find(traceId);
    const changed = this.#loneCalls.settle(touched.keys(), (traceId) => {
      const nodes = stateOf(traceId)?.nodes;
      return { nodes: nodes ?? this.#traces.purgedNodes(traceId), isPurged: nodes === undefined };
    });
    for (const [traceId, twinCounts] of changed) {
      const state = stateOf(traceId);
      const call = state && loneCallOf(state.nodes);
      if (!call) continue;
      state.nodes.set(call.spanId, { ...call, twinCounts });
      state.isUnsettled = true;
      touched.set(traceId, state);
    }
  }

  #openTraces(
    rows: readonly SpanRow[],
    nodes: readonly TraceNode[],
    nowMs: number,
  ): Map<string, TraceState> {
    const arriving = Map.groupBy(nodes, (_, i) => rows[i]?.traceId ?? "");
    const states = new Map<string, TraceState>();
    for (const [traceId, ofTrace] of arriving) {
      states.set(traceId, this.#openTrace(traceId, ofTrace, nowMs));
    }
    return states;
  }

  #openTrace(traceId: string, arriving: readonly TraceNode[], nowMs: number): TraceState {
    const state = this.#traces.open(traceId, arriving, nowMs);
    if (state.isPurged && state.settles) {
      // What it was counted for comes back as rows, which the new spans may then change.
      this.#settlements.write(traceId, state);
      this.#usageDaily.takeOut(state.traceNo);
      state.isUnsettled = true;
    }
    state.isPurged = false;
    return state;
  }

  #writeSpan(row: SpanRow, node: TraceNode, state: TraceState): boolean {
    if (state.nodes.has(row.spanId)) return false;
    const shape = this.#dictionary.refOf(row.shape);
    const { changes } = this.#insertSpan.run(
      state.traceNo,
      row.spanId,
      row.parentSpanId,
      shape.id,
      row.startS,
      row.startNs,
      row.durationNs,
      row.statusCode,
      row.attributeValues,
      shape.complete ? row.detail : withShape(row),
    );
    if (changes === 0) return false;
    this.#traces.add(state, node);
    state.lastSeenMs = Math.max(state.lastSeenMs, node.endMs);
    if (row.facts) {
      state.settles = true;
      const { execution } = row.facts;
      if (execution) {
        const stated = JSON.stringify(statedExecution(execution));
        this.#insertExecution.run(state.traceNo, row.spanId, stated);
      }
    }
    return true;
  }

  #count(outcome: string, reason: string, spans: number, nowMs: number): void {
    const at = new Date(nowMs).toISOString().slice(0, 19).replace("T", " ");
    this.#health.run(this.#writer, outcome, reason, spans, at);
  }
}
