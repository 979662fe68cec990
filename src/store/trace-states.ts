/**
 * The spans of recent traces, as far as settling needs them, kept in memory so that a trace is not
 * read back for every batch. A state is only trusted while the file has as many spans as it knows of:
 * another process may have added some.
 */
import type { Database, Statement } from "bun:sqlite";
import type {
  ExecutionFacts,
  ModelUsageFacts,
  SpanRow,
  UsageFacts,
  UsageFactsQuality,
  UsageFactsScope,
} from "./rows.ts";
import type { TraceNode } from "./settle.ts";

/** Bounds what is remembered; an evicted trace is read back when it is written to again. */
const MAX_NODES = 200_000;

/** A trace as the file has it. */
export interface TraceState {
  traceNo: number;
  nodes: Map<string, TraceNode>;
  settles: boolean;
  lastSeenMs: number;
  /** What stands in `usage_rows` for each span: its counted flag, run and time in one comparable text. */
  storedUsage: Map<string, string>;
  /** What stands in `executions`: by span id, the row as JSON. */
  storedRuns: Map<string, string>;
}

interface TraceRow {
  id: number;
  spans: number;
  settles: number;
  last_seen_ms: number;
}

interface NodeRow {
  span_id: string;
  parent_span_id: string;
  start_s: number;
  start_ns: number;
  duration_ns: number;
  facts: string | null;
}

interface UsageRow {
  span_id: string;
  scope: UsageFactsScope;
  quality: UsageFactsQuality;
  response_id: string | null;
  provider: string | null;
  model: string | null;
  input_tokens: number | null;
  cache_read_tokens: number | null;
  cache_creation_tokens: number | null;
  cache_creation_5m_tokens: number | null;
  cache_creation_1h_tokens: number | null;
  output_tokens: number | null;
  reasoning_tokens: number | null;
  web_search_requests: number | null;
  reported_cost_nano_usd: number | null;
  cost_basis: string | null;
  computed_cost_nano_usd: number | null;
  price_match: ModelUsageFacts["priceMatch"];
}

function modelUsage(row: UsageRow): ModelUsageFacts {
  return {
    provider: row.provider,
    model: row.model,
    inputTokens: row.input_tokens,
    cacheReadTokens: row.cache_read_tokens,
    cacheCreationTokens: row.cache_creation_tokens,
    cacheCreation5mTokens: row.cache_creation_5m_tokens,
    cacheCreation1hTokens: row.cache_creation_1h_tokens,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    webSearchRequests: row.web_search_requests,
    reportedCostNanoUsd: row.reported_cost_nano_usd,
    costBasis: row.cost_basis,
    computedCostNanoUsd: row.computed_cost_nano_usd,
    priceMatch: row.price_match,
  };
}

/** The same rounding for a span from a batch and for one read back, or the two would settle apart. */
function millis(startS: number, startNs: number, durationNs: number): [number, number] {
  const endMs = startS * 1000 + Math.floor((startNs + durationNs) / 1e6);
  return [endMs, Math.round(durationNs / 1e6)];
}

export function traceNode(row: SpanRow): TraceNode {
  const [endMs, durationMs] = millis(row.startS, row.startNs, row.durationNs);
  return {
    spanId: row.spanId,
    parentSpanId: row.parentSpanId,
    endMs,
    durationMs,
    execution: row.facts?.execution ?? null,
    usage: row.facts?.usage ?? null,
  };
}

export class TraceStates {
  readonly #states = new Map<string, TraceState>();
  readonly #find: Statement<TraceRow, [string]>;
  readonly #add: Statement<{ id: number }, [string]>;
  readonly #nodes: Statement<NodeRow, [number]>;
  readonly #usage: Statement<UsageRow, [number]>;
  readonly #runs: Statement<{ span_id: string }, [number]>;
  #nodeCount = 0;

  constructor(db: Database) {
    this.#find = db.prepare(
      "SELECT id, spans, settles, last_seen_ms FROM traces WHERE trace_id = unhex(?)",
    );
    this.#add = db.prepare(
      "INSERT INTO traces (trace_id, last_seen_ms, spans, settles) VALUES (unhex(?), 0, 0, 0) RETURNING id",
    );
    this.#nodes = db.prepare(
      `SELECT lower(hex(s.span_id)) AS span_id, lower(hex(s.parent_span_id)) AS parent_span_id,
         s.start_ns / 1000000000 AS start_s, s.start_ns % 1000000000 AS start_ns, s.duration_ns, x.facts
       FROM span_rows s LEFT JOIN execution_spans x ON x.trace_no = s.trace_no AND x.span_id = s.span_id
       WHERE s.trace_no = ?`,
    );
    this.#usage = db.prepare(
      `SELECT lower(hex(span_id)) AS span_id, scope, quality, response_id, provider, model,
         input_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_5m_tokens,
         cache_creation_1h_tokens, output_tokens, reasoning_tokens, web_search_requests,
         reported_cost_nano_usd, cost_basis, computed_cost_nano_usd, price_match
       FROM usage_rows WHERE trace_no = ? ORDER BY id`,
    );
    this.#runs = db.prepare("SELECT span_id FROM executions WHERE trace_no = ?");
  }

  /** The state of a trace, from memory, from the file, or new. Runs inside the writing transaction. */
  open(traceId: string): TraceState {
    const row = this.#find.get(traceId);
    const known = this.#states.get(traceId);
    if (row && known && known.traceNo === row.id && known.nodes.size === row.spans) return known;
    if (known) this.#drop(traceId, known);
    const state = row ? this.#read(row) : this.#create(traceId);
    this.#states.set(traceId, state);
    this.#nodeCount += state.nodes.size;
    return state;
  }

  add(state: TraceState, node: TraceNode): void {
    state.nodes.set(node.spanId, node);
    this.#nodeCount += 1;
  }

  /** Drops the longest unused beyond the bound. Between transactions only. */
  evict(): void {
    for (const [traceId, state] of this.#states) {
      if (this.#nodeCount <= MAX_NODES) return;
      this.#drop(traceId, state);
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
    const row = this.#add.get(traceId);
    if (!row) throw new Error("INSERT … RETURNING gave no row");
    return emptyState(row.id);
  }

  #read(row: TraceRow): TraceState {
    const state = emptyState(row.id);
    state.settles = row.settles === 1;
    state.lastSeenMs = row.last_seen_ms;
    const usage = new Map<string, UsageFacts>();
    for (const u of this.#usage.all(row.id)) {
      const facts = usage.get(u.span_id);
      if (facts) facts.models.push(modelUsage(u));
      else {
        const models = [modelUsage(u)];
        usage.set(u.span_id, {
          scope: u.scope,
          quality: u.quality,
          responseId: u.response_id,
          models,
        });
      }
      state.storedUsage.set(u.span_id, ""); // Unknown: written again, to the same values.
    }
    for (const run of this.#runs.all(row.id)) state.storedRuns.set(run.span_id, "");
    for (const n of this.#nodes.all(row.id)) {
      const [endMs, durationMs] = millis(n.start_s, n.start_ns, n.duration_ns);
      state.nodes.set(n.span_id, {
        spanId: n.span_id,
        parentSpanId: n.parent_span_id || null,
        endMs,
        durationMs,
        execution: n.facts === null ? null : (JSON.parse(n.facts) as ExecutionFacts),
        usage: usage.get(n.span_id) ?? null,
      });
    }
    return state;
  }
}

function emptyState(traceNo: number): TraceState {
  return {
    traceNo,
    nodes: new Map(),
    settles: false,
    lastSeenMs: 0,
    storedUsage: new Map(),
    storedRuns: new Map(),
  };
}
