/** Reads a trace back from the file, as far as settling needs it. */
import type { Database, Statement } from "bun:sqlite";
import { loneCallOf } from "./lone-call.ts";
import { PurgedTraces } from "./purged-traces.ts";
import type {
  ModelUsageFacts,
  SpanRow,
  UsageFacts,
  UsageFactsQuality,
  UsageFactsScope,
} from "./rows.ts";
import type { TraceNode } from "./settle.ts";
import { wholeExecution } from "./stated-facts.ts";

interface NodeRow {
  span_id: string;
  parent_span_id: string;
  start_s: number;
  start_ns: number;
  duration_ns: number;
  scope: string;
  facts: string | null;
}

interface UsageRow {
  span_id: string;
  counted: number;
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

function usageOfSpans(rows: readonly UsageRow[]): Map<string, UsageFacts> {
  const usage = new Map<string, UsageFacts>();
  for (const row of rows) {
    const facts = usage.get(row.span_id);
    if (facts) facts.models.push(modelUsage(row));
    else {
      const { scope, quality, response_id: responseId } = row;
      usage.set(row.span_id, { scope, quality, responseId, models: [modelUsage(row)] });
    }
  }
  return usage;
}

/** The same rounding for a span from a batch and for one read back, or the two would settle apart. */
function millis(startS: number, startNs: number, durationNs: number): [number, number] {
  const endMs = startS * 1000 + Math.floor((startNs + durationNs) / 1e6);
  return [endMs, Math.round(durationNs / 1e6)];
}

/** Scopes are few; the bound is for those whose names never end. */
const MAX_SCOPES = 1000;
const scopeNames = new Map<string, string>();

/** The instrumentation of a call, by the text of its scope; settling asks it of no other span. */
function callScopeName(usage: UsageFacts | null, scope: string): string | null {
  if (usage?.scope !== "leaf") return null;
  let name = scopeNames.get(scope);
  if (name === undefined) {
    name = (JSON.parse(scope) as { name?: string }).name ?? "";
    if (scopeNames.size >= MAX_SCOPES) scopeNames.clear();
    scopeNames.set(scope, name);
  }
  return name || null;
}

export function traceNode(row: SpanRow): TraceNode {
  const [endMs, durationMs] = millis(row.startS, row.startNs, row.durationNs);
  const usage = row.facts?.usage ?? null;
  return {
    spanId: row.spanId,
    parentSpanId: row.parentSpanId,
    endMs,
    durationMs,
    scopeName: callScopeName(usage, row.shape.scope),
    execution: row.facts?.execution ?? null,
    usage,
  };
}

export class TraceReader {
  readonly #nodes: Statement<NodeRow, [number]>;
  readonly #usage: Statement<UsageRow, [number]>;
  readonly #runIds: Statement<{ span_id: string; id: number }, [number]>;
  readonly #usageIds: Statement<{ span_id: string; first_id: number; last_id: number }, [number]>;
  readonly #counted: Statement<{ counted: number }, [number]>;
  readonly #purged: PurgedTraces;

  constructor(db: Database) {
    this.#purged = new PurgedTraces(db);
    this.#nodes = db.prepare(
      `SELECT lower(hex(s.span_id)) AS span_id, lower(hex(s.parent_span_id)) AS parent_span_id,
         s.start_ns / 1000000000 AS start_s, s.start_ns % 1000000000 AS start_ns, s.duration_ns,
         c.body AS scope, x.facts
       FROM span_rows s JOIN span_shapes h ON h.id = s.shape_id JOIN scopes c ON c.id = h.scope_id
       LEFT JOIN execution_spans x ON x.trace_no = s.trace_no AND x.span_id = s.span_id
       WHERE s.trace_no = ?`,
    );
    this.#usage = db.prepare(
      `SELECT lower(hex(span_id)) AS span_id, counted, scope, quality, response_id, provider, model,
         input_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_5m_tokens,
         cache_creation_1h_tokens, output_tokens, reasoning_tokens, web_search_requests,
         reported_cost_nano_usd, cost_basis, computed_cost_nano_usd, price_match
       FROM usage_rows WHERE trace_no = ? ORDER BY id`,
    );
    this.#counted = db.prepare(
      "SELECT counted FROM usage_rows WHERE trace_no = ? AND counted LIMIT 1",
    );
    this.#runIds = db.prepare("SELECT span_id, id FROM executions WHERE trace_no = ?");
    this.#usageIds = db.prepare(
      `SELECT lower(hex(span_id)) AS span_id, min(id) AS first_id, max(id) AS last_id
       FROM usage_rows WHERE trace_no = ? GROUP BY usage_rows.span_id`,
    );
  }

  /** Whether anything in `usage_rows` counts. */
  isCounted(traceNo: number): boolean {
    return this.#counted.get(traceNo) !== null;
  }

  /** The rows in `executions`, by their spans. */
  runIdsOf(traceNo: number): { span_id: string; id: number }[] {
    return this.#runIds.all(traceNo);
  }

  /** The first and the last row in `usage_rows` of each span that has any. */
  usageIdsOf(traceNo: number): { span_id: string; first_id: number; last_id: number }[] {
    return this.#usageIds.all(traceNo);
  }

  /**
   * All spans of a trace, those that were purged before included. Those with usage come first, in the
   * order of their rows: it decides which model a run is counted under.
   */
  nodesOf(traceNo: number, traceId: string): Map<string, TraceNode> {
    const rows = this.#usage.all(traceNo);
    const usage = usageOfSpans(rows);
    const found = new Map(this.#purged.recall(traceId).map((node) => [node.spanId, node]));
    for (const row of this.#nodes.all(traceNo)) {
      const [endMs, durationMs] = millis(row.start_s, row.start_ns, row.duration_ns);
      const ofSpan = usage.get(row.span_id) ?? null;
      found.set(row.span_id, {
        spanId: row.span_id,
        parentSpanId: row.parent_span_id || null,
        endMs,
        durationMs,
        scopeName: callScopeName(ofSpan, row.scope),
        execution: row.facts === null ? null : wholeExecution(JSON.parse(row.facts)),
        usage: ofSpan,
      });
    }
    const nodes = new Map<string, TraceNode>();
    for (const spanId of usage.keys()) {
      const node = found.get(spanId);
      if (node) nodes.set(spanId, node);
    }
    for (const [spanId, node] of found) nodes.set(spanId, node);
    const lone = loneCallOf(nodes);
    const [row] = rows;
    // Nothing but its twin keeps a lone call from counting.
    if (lone && row) nodes.set(lone.spanId, { ...lone, twinCounts: row.counted === 0 });
    return nodes;
  }
}
