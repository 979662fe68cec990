import type { Reader } from "../store/reader.ts";

/** One span of a trace, with the spans it caused, in the order in which they began. */
export interface TraceSpan {
  /** 16 hexadecimal digits. */
  spanId: string;
  /** As the span was named last. */
  name: string;
  /** Milliseconds from the trace's begin to the span's. */
  startMs: number;
  /** Milliseconds, with fractions. */
  durationMs: number;
  /** What the instrumentation said of how it went. */
  status: "unset" | "ok" | "error";
  /** `error.type`: a word such as `max_turns` or `529`; null where none was said. */
  errorType: string | null;
  /** All input of the span's usage, cached or not, counted or not; null where it has none. */
  inputTokens: number | null;
  /** As `inputTokens`. */
  outputTokens: number | null;
  /** Nano-dollars; null where it is unknown. */
  costNanoUsd: number | null;
  /** Whether that usage is in the totals, or another span stands for it. */
  counted: boolean;
  /** The spans it caused. */
  children: TraceSpan[];
}

/** A trace; several roots where a parent is missing or still running. */
export interface TraceTree {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** UTC, to the millisecond. */
  startedAt: string;
  /** The spans without a parent in the file, in the order in which they began. */
  roots: TraceSpan[];
}

interface SpanRow {
  span_id: string;
  parent_span_id: string | null;
  name: string;
  started_at: string;
  start_ms: number;
  duration_ms: number;
  status: TraceSpan["status"];
  error_type: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  cost_nano_usd: number | null;
  counted: number | null;
}

const SPANS = `SELECT s.span_id, s.parent_span_id, s.name, s.started_at, s.start_ns / 1e6 AS start_ms,
  s.duration_ms, s.status, s.attributes ->> '$."error.type"' AS error_type, u.*
FROM spans s LEFT JOIN (
  SELECT span_id AS id, sum(coalesce(input_tokens, 0) + coalesce(cache_read_tokens, 0)
      + coalesce(cache_creation_tokens, 0)) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cost_nano_usd) AS cost_nano_usd, max(counted) AS counted
  FROM model_usage WHERE trace_id = ?1 GROUP BY span_id) u ON u.id = s.span_id
WHERE s.trace_id = ?1 ORDER BY s.start_ns, s.id`;

function resolveTraceId(reader: Reader, id: string): string | null {
  if (id === "latest") {
    const sql = "SELECT trace_id FROM executions ORDER BY id DESC LIMIT 1";
    return reader.all<{ trace_id: string }>(sql)[0]?.trace_id ?? null;
  }
  const sql = `SELECT trace_id FROM executions WHERE id = ?1
    UNION SELECT lower(hex(trace_id)) FROM traces WHERE lower(hex(trace_id)) LIKE ?2 LIMIT 2`;
  const prefix = /^[0-9a-f]{4,32}$/i.test(id) ? `${id.toLowerCase()}%` : null;
  const executionId = /^\d{1,9}$/.test(id) ? Number(id) : null;
  const found = reader.all<{ trace_id: string }>(sql, executionId, prefix);
  return found.length === 1 ? (found[0]?.trace_id ?? null) : null;
}

function toSpan(row: SpanRow, beginMs: number): TraceSpan {
  return {
    spanId: row.span_id,
    name: row.name,
    startMs: row.start_ms - beginMs,
    durationMs: row.duration_ms,
    status: row.status,
    errorType: row.error_type,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    costNanoUsd: row.cost_nano_usd,
    counted: row.counted === 1,
    children: [],
  };
}

/**
 * One trace as a tree, by trace id (or the beginning of one), by a run's id, or `latest`.
 * Null where nothing, or more than one trace, goes by that name.
 */
export function readTrace(reader: Reader, id: string): TraceTree | null {
  return reader.snapshot(() => {
    const traceId = resolveTraceId(reader, id);
    if (traceId === null) return null;
    const rows = reader.all<SpanRow>(SPANS, traceId);
    const [first] = rows;
    if (!first) return null;
    const spans = new Map(rows.map((row) => [row.span_id, toSpan(row, first.start_ms)]));
    const roots: TraceSpan[] = [];
    for (const row of rows) {
      const span = spans.get(row.span_id);
      const parent = row.parent_span_id === null ? undefined : spans.get(row.parent_span_id);
      if (span) (parent && parent !== span ? parent.children : roots).push(span);
    }
    return { traceId, startedAt: first.started_at, roots };
  });
}
