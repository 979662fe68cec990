/**
 * What settling needs of the traces that were purged of late. A span may arrive after its trace was
 * purged: a run that went on, another process that held its batch back, a batch that is written again.
 * Counted by itself it would be counted twice, or be missed; so the trace is then brought back as it
 * was counted, settled again with its new span, and purged again later.
 */
import type { Database, Statement } from "bun:sqlite";
import type { ExecutionFacts, ModelUsageFacts, UsageFacts } from "./rows.ts";
import type { TraceNode } from "./settle.ts";

/** A span that says nothing of a run or of usage only matters as a link between others. */
type Link = [spanId: string, parentSpanId: string | null];

const NO_EXECUTION: ExecutionFacts = {
  nested: false,
  agentName: null,
  deliveryId: null,
  repo: null,
  prNumber: null,
  eventType: null,
  provider: null,
  model: null,
  sessionId: null,
  numTurns: null,
  stopReason: null,
  conclusion: "success",
  errorType: null,
  durationMs: null,
  usageQuality: "exact",
  attributes: null,
};

const NO_USAGE: ModelUsageFacts = {
  provider: null,
  model: null,
  inputTokens: null,
  cacheReadTokens: null,
  cacheCreationTokens: null,
  cacheCreation5mTokens: null,
  cacheCreation1hTokens: null,
  outputTokens: null,
  reasoningTokens: null,
  webSearchRequests: null,
  reportedCostNanoUsd: null,
  costBasis: null,
  computedCostNanoUsd: null,
  priceMatch: null,
};

/** Most facts of most spans are unknown: left out, they take no room. */
function known<T extends object>(facts: T): Partial<T> {
  const entries = Object.entries(facts).filter(([, value]) => value !== null);
  return Object.fromEntries(entries) as Partial<T>;
}

interface StoredNode {
  at: [spanId: string, parentSpanId: string | null, endMs: number, durationMs: number];
  execution?: Partial<ExecutionFacts>;
  usage?: Omit<UsageFacts, "models"> & { models: Partial<ModelUsageFacts>[] };
}

function encode(nodes: Iterable<TraceNode>): string {
  const parts: (StoredNode | Link)[] = [];
  for (const { spanId, parentSpanId, endMs, durationMs, execution, usage } of nodes) {
    if (!execution && !usage) {
      parts.push([spanId, parentSpanId]);
      continue;
    }
    const part: StoredNode = { at: [spanId, parentSpanId, endMs, durationMs] };
    if (execution) part.execution = known(execution);
    if (usage) part.usage = { ...usage, models: usage.models.map(known) };
    parts.push(part);
  }
  return JSON.stringify(parts);
}

function decode(text: string): TraceNode[] {
  return (JSON.parse(text) as (StoredNode | Link)[]).map((part) => {
    if (Array.isArray(part)) {
      const [spanId, parentSpanId] = part;
      return { spanId, parentSpanId, endMs: 0, durationMs: 0, execution: null, usage: null };
    }
    const [spanId, parentSpanId, endMs, durationMs] = part.at;
    const execution = part.execution ? { ...NO_EXECUTION, ...part.execution } : null;
    const models = part.usage?.models.map((model) => ({ ...NO_USAGE, ...model })) ?? [];
    const usage = part.usage ? { ...part.usage, models } : null;
    return { spanId, parentSpanId, endMs, durationMs, execution, usage };
  });
}

export class PurgedTraces {
  readonly #find: Statement<{ nodes: string }, [string]>;
  readonly #put: Statement<unknown, [string, number, string]>;
  readonly #deleteOld: Statement<unknown, [number, number]>;

  constructor(db: Database) {
    this.#find = db.prepare("SELECT nodes FROM purged_traces WHERE trace_id = unhex(?)");
    this.#put = db.prepare(
      `INSERT INTO purged_traces (trace_id, purged_ms, nodes) VALUES (unhex(?), ?, ?)
       ON CONFLICT (trace_id) DO UPDATE SET purged_ms = excluded.purged_ms, nodes = excluded.nodes`,
    );
    // One that was brought back is still needed, until it is purged again.
    this.#deleteOld = db.prepare(
      `DELETE FROM purged_traces WHERE id IN (SELECT p.id FROM purged_traces p WHERE p.purged_ms < ?
         AND NOT EXISTS (SELECT 1 FROM traces t WHERE t.trace_id = p.trace_id) LIMIT ?)`,
    );
  }

  /** The spans of a purged trace; none where it is not remembered. */
  recall(traceId: string): TraceNode[] {
    const row = this.#find.get(traceId);
    return row ? decode(row.nodes) : [];
  }

  remember(traceId: string, nodes: Iterable<TraceNode>, nowMs: number): void {
    this.#put.run(traceId, nowMs, encode(nodes));
  }

  /** @returns how many traces were forgotten, of those purged before `beforeMs`. */
  forget(beforeMs: number, maxTraces: number): number {
    return this.#deleteOld.run(beforeMs, maxTraces).changes;
  }
}
