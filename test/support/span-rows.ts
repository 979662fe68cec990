import type {
  ExecutionFacts,
  ModelUsageFacts,
  SpanRow,
  SpanShape,
  UsageFacts,
} from "../../src/store/rows.ts";

export const NOW_MS: number = Date.UTC(2026, 10, 20, 12, 0, 0);

/** A hex id of `digits` digits from a number or a short word. */
export function hexId(seed: number | string, digits: number): string {
  return Bun.hash(String(seed)).toString(16).padStart(16, "0").repeat(2).slice(0, digits);
}

export function modelUsage(changes: Partial<ModelUsageFacts> = {}): ModelUsageFacts {
  return {
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    inputTokens: 10,
    cacheReadTokens: 0,
    cacheCreationTokens: 0,
    cacheCreation5mTokens: null,
    cacheCreation1hTokens: null,
    outputTokens: 5,
    reasoningTokens: null,
    webSearchRequests: null,
    reportedCostNanoUsd: null,
    costBasis: null,
    computedCostNanoUsd: null,
    priceMatch: null,
    ...changes,
  };
}

export function usage(changes: Partial<UsageFacts> = {}): UsageFacts {
  return { scope: "leaf", quality: "exact", responseId: null, models: [modelUsage()], ...changes };
}

export function execution(changes: Partial<ExecutionFacts> = {}): ExecutionFacts {
  return {
    nested: false,
    agentName: "reviewer",
    deliveryId: null,
    repo: "acme/api",
    prNumber: null,
    eventType: null,
    provider: "anthropic",
    model: null,
    sessionId: null,
    numTurns: null,
    stopReason: null,
    conclusion: "success",
    errorType: null,
    durationMs: null,
    usageQuality: "exact",
    attributes: null,
    ...changes,
  };
}

/** Ids are given as short words: the same word, the same id. */
export interface SpanRowChanges
  extends Omit<Partial<SpanRow>, "facts" | "shape">,
    Partial<SpanShape> {
  trace?: string | number;
  span?: string | number;
  parent?: string | number | null;
  endMs?: number;
  execution?: ExecutionFacts | null;
  usage?: UsageFacts | null;
}

export function spanRow(changes: SpanRowChanges = {}): SpanRow {
  const { trace = "trace", span = "span", parent = null, endMs = NOW_MS, ...rest } = changes;
  const startMs = endMs - 1500;
  const { execution: executionFacts = null, usage: usageFacts = null, ...others } = rest;
  const {
    name = "work",
    kind = 0,
    resource = '{"attributes":{"service.name":"bot"}}',
    scope = '{"name":"test"}',
    attributeKeys = '["a","b"]',
    ...row
  } = others;
  return {
    traceId: hexId(`t${trace}`, 32),
    spanId: hexId(`s${span}`, 16),
    parentSpanId: parent === null ? null : hexId(`s${parent}`, 16),
    shape: { name, kind, resource, scope, attributeKeys },
    startS: Math.floor(startMs / 1000),
    startNs: (startMs % 1000) * 1e6,
    durationNs: 1_500_000_000,
    statusCode: 0,
    attributeValues: '["x",1]',
    detail: null,
    facts: executionFacts || usageFacts ? { execution: executionFacts, usage: usageFacts } : null,
    ...row,
  };
}
