import type { Reader } from "../store/reader.ts";

/** One span of a trace, with the spans it caused, in the order in which they began. */
export interface TraceSpan {
  spanId: string;
  name: string;
  /** Milliseconds from the trace's begin to the span's. */
  startMs: number;
  /** Milliseconds, with fractions. */
  durationMs: number;
  status: "unset" | "ok" | "error";
  /** What it said besides; null where nothing. */
  statusMessage: string | null;
  /** `error.type`: a word such as `max_turns` or `529`; null where none was said. */
  errorType: string | null;
  /** The models of the span's usage, counted or not. */
  models: string[];
  /** Of that usage: uncached input, cache reads and cache writes together; null where it has none, or unknown. */
  inputTokens: number | null;
  /** As `inputTokens`. */
  outputTokens: number | null;
  /** In nano-dollars; null where it is unknown, or there is no usage. */
  costNanoUsd: number | null;
  /** Whether that usage is in the totals, or another span stands for it. */
  counted: boolean;
  /** What happened during it, in the order in which it was recorded. */
  events: TraceEvent[];
  /** The spans it caused. */
  children: TraceSpan[];
}

/** An event of a span. */
export interface TraceEvent {
  /** As the instrumentation named it. */
  name: string;
  /** Milliseconds from the trace's begin. */
  atMs: number;
  /** What an `exception` event says of it; null for others. */
  exception: string | null;
}

/** A trace; several roots where a parent is missing or still running. */
export interface TraceTree {
  traceId: string;
  /** ISO 8601 in UTC, to the millisecond. */
  startedAt: string;
  /** From the first span's begin to the last one's end, in milliseconds. */
  durationMs: number;
  /** How many spans there are. */
  spans: number;
  /** The spans without a parent in the file, in the order in which they began. */
  roots: TraceSpan[];
}

/** Why no trace was found: nothing goes by that name, or these begin of trace ids do. */
export class TraceNotFoundError extends Error {
  override readonly name = "TraceNotFoundError";
  /** Some traces that the name may stand for; empty where none does. */
  readonly candidates: readonly string[];

  constructor(id: string, candidates: readonly string[]) {
    const several = `${candidates.join(", ")}${candidates.length > 3 ? ", …" : ""}`;
    super(
      candidates.length === 0
        ? `No trace and no run goes by "${id}".`
        : `"${id}" stands for several traces: ${several}.`,
    );
    this.candidates = candidates;
  }
}

interface SpanRow {
  no: number;
  span_id: string;
  parent_span_id: string | null;
  name: string;
  start_ms: number;
  duration_ms: number;
  status_code: number;
  status_message: string | null;
  error_type: string | null;
  events: string | null;
}

interface UsageRow {
  span_id: string;
  models: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  cost_nano_usd: number | null;
  counted: number;
}

interface EventJson {
  name: string;
  s: number;
  ns: number;
  attributes?: Record<string, unknown>;
}

/** Beyond this depth spans hang on the last one: a chain of thousands fits no screen, and no stack. */
const MAX_DEPTH = 200;
const STATUS = ["unset", "ok", "error"] as const;

const SPANS = `SELECT s.id AS no, lower(hex(s.span_id)) AS span_id,
  nullif(lower(hex(s.parent_span_id)), '') AS parent_span_id,
  coalesce(s.detail ->> 'name', h.name) AS name, s.start_ns / 1e6 AS start_ms,
  s.duration_ns / 1e6 AS duration_ms, s.status_code, s.detail ->> 'statusMessage' AS status_message,
  (SELECT s.attribute_values ->> k.key FROM json_each(coalesce(s.detail -> 'keys', h.attribute_keys)) k
    WHERE k.value = 'error.type') AS error_type,
  s.detail -> 'events' AS events
FROM span_rows s JOIN span_shapes h ON h.id = s.shape_id
WHERE s.trace_no = ? ORDER BY s.start_ns, s.id`;

const USAGE = `SELECT lower(hex(span_id)) AS span_id, group_concat(DISTINCT model) AS models,
  sum(iif(coalesce(input_tokens, cache_read_tokens, cache_creation_tokens) IS NULL, NULL,
    coalesce(input_tokens, 0) + coalesce(cache_read_tokens, 0)
    + coalesce(cache_creation_tokens, 0))) AS input_tokens,
  sum(output_tokens) AS output_tokens, sum(cost_nano_usd) AS cost_nano_usd, max(counted) AS counted
FROM usage_rows WHERE trace_no = ? GROUP BY span_id`;

const BY_PREFIX = `SELECT id, lower(hex(trace_id)) AS trace_id FROM traces
WHERE trace_id BETWEEN unhex(?) AND unhex(?) ORDER BY trace_id LIMIT 4`;
const BY_RUN = "SELECT trace_no AS id, trace_id FROM executions WHERE id = ?";
const NEWEST = `SELECT trace_no AS id, trace_id FROM executions ORDER BY ended_ms DESC, id DESC LIMIT 1`;

interface TraceRow {
  id: number;
  trace_id: string;
}

/** A run's id wins over the beginning of a trace id: it is what lists of runs show. */
function findTrace(reader: Reader, id: string): TraceRow {
  const first = (rows: TraceRow[]): TraceRow | undefined => rows[0];
  const run =
    id === "latest"
      ? first(reader.all<TraceRow>(NEWEST))
      : /^\d{1,15}$/.test(id)
        ? first(reader.all<TraceRow>(BY_RUN, Number(id)))
        : undefined;
  if (run) return run;
  const hex = /^[0-9a-f]{1,32}$/i.test(id) ? id.toLowerCase() : null;
  const traces =
    hex === null ? [] : reader.all<TraceRow>(BY_PREFIX, hex.padEnd(32, "0"), hex.padEnd(32, "f"));
  const [trace] = traces;
  if (trace && traces.length === 1) return trace;
  throw new TraceNotFoundError(
    id,
    traces.map(({ trace_id }) => trace_id),
  );
}

function exceptionOf({ name, attributes = {} }: EventJson): string | null {
  if (name !== "exception") return null;
  const parts = [attributes["exception.type"], attributes["exception.message"]];
  return parts.filter((part) => typeof part === "string").join(": ") || null;
}

/** A run's account of each model, which the span's tokens and cost already say. */
const ACCOUNT_EVENT = "spanledger.model_usage";

function toEvents(json: string | null, beginMs: number): TraceEvent[] {
  const events = json === null ? [] : (JSON.parse(json) as EventJson[]);
  return events
    .filter((event) => event.name !== ACCOUNT_EVENT)
    .map((event) => ({
      name: event.name,
      atMs: event.s * 1000 + event.ns / 1e6 - beginMs,
      exception: exceptionOf(event),
    }));
}

function toSpan(row: SpanRow, usage: UsageRow | undefined, beginMs: number): TraceSpan {
  return {
    spanId: row.span_id,
    name: row.name,
    startMs: row.start_ms - beginMs,
    durationMs: row.duration_ms,
    status: STATUS[row.status_code] ?? "unset",
    statusMessage: row.status_message,
    errorType: row.error_type,
    models: usage?.models?.split(",") ?? [],
    inputTokens: usage?.input_tokens ?? null,
    outputTokens: usage?.output_tokens ?? null,
    costNanoUsd: usage?.cost_nano_usd ?? null,
    counted: usage?.counted === 1,
    events: toEvents(row.events, beginMs),
    children: [],
  };
}

/** How deep a span lies, and on which one what it caused is hung: itself, unless that were too deep. */
interface Place {
  depth: number;
  hook: string;
}

/** A span whose ancestors are being looked up: met again among them, it is its own. */
const UNDER_WAY: Place = { depth: -1, hook: "" };

/** Hangs each span on its parent. What has none in the trace, or is its own ancestor, is a root. */
function plant(rows: readonly SpanRow[], spans: ReadonlyMap<string, TraceSpan>): TraceSpan[] {
  const parents = new Map(rows.map((row) => [row.span_id, row.parent_span_id]));
  const places = new Map<string, Place>();
  const findPlace = (id: string): void => {
    const path: string[] = [];
    let at: string | null = id;
    for (; at !== null && spans.has(at) && !places.has(at); at = parents.get(at) ?? null) {
      places.set(at, UNDER_WAY);
      path.push(at);
    }
    let above = at === null ? undefined : places.get(at);
    if (above === UNDER_WAY) {
      parents.set(path.at(-1) ?? id, null);
      above = undefined;
    }
    for (const step of path.reverse()) {
      const depth = above ? above.depth + 1 : 0;
      above = { depth, hook: above && depth >= MAX_DEPTH ? above.hook : step };
      places.set(step, above);
    }
  };
  const roots: TraceSpan[] = [];
  for (const { span_id } of rows) {
    const span = spans.get(span_id);
    if (!span) continue;
    findPlace(span_id);
    const hook = places.get(parents.get(span_id) ?? "")?.hook;
    const parent = hook === undefined ? undefined : spans.get(hook);
    (parent ? parent.children : roots).push(span);
  }
  return roots;
}

/**
 * One trace as a tree, by its trace id, the beginning of it, the id of its run, or `latest`.
 * @throws {TraceNotFoundError} where nothing, or more than one trace, goes by that name.
 */
export function readTrace(reader: Reader, id: string): TraceTree {
  return reader.snapshot(() => {
    const trace = findTrace(reader, id);
    const rows = reader.all<SpanRow>(SPANS, trace.id);
    const usage = new Map(reader.all<UsageRow>(USAGE, trace.id).map((row) => [row.span_id, row]));
    const beginMs = rows[0]?.start_ms ?? 0;
    const spans = new Map(
      rows.map((row) => [row.span_id, toSpan(row, usage.get(row.span_id), beginMs)]),
    );
    const endMs = rows.reduce((max, row) => Math.max(max, row.start_ms + row.duration_ms), beginMs);
    return {
      traceId: trace.trace_id,
      startedAt: new Date(beginMs).toISOString(),
      durationMs: endMs - beginMs,
      spans: rows.length,
      roots: plant(rows, spans),
    };
  });
}
