/**
 * What the exporter hands to the store: one `SpanRow` a finished span, ready to be bound, with the
 * reading of its usage beside it. This folder is the only one that opens the database. It knows rows
 * and SQL; it knows no OpenTelemetry and no reports. Time and paths come in as arguments.
 */

/** What the spans of one code path have in common: stored once, and shared by those in one batch. */
export interface SpanShape {
  name: string;
  /** As in `@opentelemetry/api`: 0 internal, 1 server, 2 client, 3 producer, 4 consumer. */
  kind: number;
  /** JSON object `{attributes, types?, schemaUrl?}`. */
  resource: string;
  /** JSON object `{name, version?, schemaUrl?, attributes?, types?, dropped?}`. */
  scope: string;
  /** JSON array of the attribute keys. */
  attributeKeys: string;
}

/** A finished span. Text is well-formed and bounded, JSON is text already. */
export interface SpanRow {
  /** 32 lower-case hex digits. */
  traceId: string;
  /** 16 lower-case hex digits. */
  spanId: string;
  parentSpanId: string | null;
  shape: SpanShape;
  /** Whole seconds since 1970, and the nanoseconds within that second. */
  startS: number;
  startNs: number;
  durationNs: number;
  /** As in `@opentelemetry/api`: 0 unset, 1 ok, 2 error. */
  statusCode: number;
  /** JSON array of the attributes' values, in the order of the shape's keys. */
  attributeValues: string;
  /** JSON object of what most spans lack (`SpanDetail`), null where there is nothing. */
  detail: string | null;
  /** What the span says of an agent, its run and its usage; null for a span of another kind. */
  facts: SpanFacts | null;
}

/** What most spans lack, kept so that a replay loses nothing. Stored as JSON in `span_rows.detail`. */
export interface SpanDetail {
  /** Name and attribute keys of a span whose shape the dictionary had no room for. */
  name?: string;
  keys?: string[];
  statusMessage?: string;
  traceState?: string;
  /** Only where it is not 1 (sampled). */
  traceFlags?: number;
  parentIsRemote?: boolean;
  droppedAttributes?: number;
  droppedEvents?: number;
  droppedLinks?: number;
  /** By attribute key, where JSON cannot say what the value is. */
  types?: Record<string, TypeNote>;
  events?: SpanEventDetail[];
  links?: SpanLinkDetail[];
}

/**
 * `double`, `int64` or `bytes`: what a text stands for that JSON cannot say (NaN, infinities, 64-bit
 * integers, base64). For an array or an object: the notes of its items, by index or key.
 */
export type TypeNote = string | { [key: string]: TypeNote };

export interface SpanEventDetail {
  name: string;
  s: number;
  ns: number;
  attributes?: Record<string, unknown>;
  types?: Record<string, TypeNote>;
  dropped?: number;
}

export interface SpanLinkDetail {
  traceId: string;
  spanId: string;
  traceFlags?: number;
  traceState?: string;
  isRemote?: boolean;
  attributes?: Record<string, unknown>;
  types?: Record<string, TypeNote>;
  dropped?: number;
}

/** The reading of one span: which of the three a span is decides how its trace is settled. */
export interface SpanFacts {
  /** Present on the span of an agent execution: what a row of `executions` says of itself. */
  execution: ExecutionFacts | null;
  /** Null where the span carries no usage, or only zeros and no cost. */
  usage: UsageFacts | null;
}

/** What an execution's own span says. What it used is settled from its trace. */
export interface ExecutionFacts {
  /** True where the execution knows that it ran within another one: never a run of its own. */
  nested: boolean;
  agentName: string | null;
  deliveryId: string | null;
  repo: string | null;
  prNumber: number | null;
  eventType: string | null;
  provider: string | null;
  model: string | null;
  sessionId: string | null;
  numTurns: number | null;
  stopReason: string | null;
  conclusion: "success" | "failure" | "error";
  errorType: string | null;
  /** As the executor reported it; null means that the span's own duration stands. */
  durationMs: number | null;
  /** What it knows of its usage as a whole, also where it carries none: that of a run cut short is a lower bound. */
  usageQuality: UsageFactsQuality;
  /** JSON object of the attributes that no column holds, for `attr:KEY`; null where there are none. */
  attributes: string | null;
}

/**
 * `ledger`: a run's own account, which silences all that stands beneath it.
 * `result`: what an executor returned, which stands only where nothing beneath it is counted.
 * `aggregate`: an agent or a step that repeats what its children used.
 * `leaf`: one call of a model.
 */
export type UsageFactsScope = "ledger" | "result" | "aggregate" | "leaf";

/** `exact`; `lower_bound`: what was seen of a run without an account; `unknown_base`: never summed. */
export type UsageFactsQuality = "exact" | "lower_bound" | "unknown_base";

export interface UsageFacts {
  scope: UsageFactsScope;
  quality: UsageFactsQuality;
  /** Two spans of one response are one use. */
  responseId: string | null;
  /** One a model; never empty. */
  models: ModelUsageFacts[];
}

/** What one model used. Tokens are whole and at least 0; null is unknown. Money is nano-dollars. */
export interface ModelUsageFacts {
  provider: string | null;
  model: string | null;
  /** Uncached input. */
  inputTokens: number | null;
  cacheReadTokens: number | null;
  /** All cache writes; the two below are parts of it where they are known. */
  cacheCreationTokens: number | null;
  cacheCreation5mTokens: number | null;
  cacheCreation1hTokens: number | null;
  outputTokens: number | null;
  /** Part of `outputTokens`. */
  reasoningTokens: number | null;
  webSearchRequests: number | null;
  reportedCostNanoUsd: number | null;
  /** `list`, `managed` or `unknown` (a guess): what the reported cost rests on. */
  costBasis: string | null;
  computedCostNanoUsd: number | null;
  /** How the computed cost found its price. */
  priceMatch: "exact" | "approx" | "override" | null;
}
