import type { Reader } from "../store/reader.ts";
import { type Dimension, isDimension, isTimeUnit, sumKey } from "./dimensions.ts";

export const EXECUTION_ORDERS = ["newest", "dearest", "slowest"] as const;
/** What runs can be put in order by. */
export type ExecutionOrder = (typeof EXECUTION_ORDERS)[number];

/** Which runs, and in which order. */
export interface ExecutionQuery {
  /** @default "newest" */
  order?: ExecutionOrder | undefined;
  /** Runs that ended from this moment on, as a Date or ms since 1970. @default the beginning */
  since?: Date | number | undefined;
  /** Runs that ended before this moment. @default no end */
  until?: Date | number | undefined;
  /** Only where each of these dimensions has this value; null: where it is unknown. */
  where?: readonly (readonly [Dimension, string | null])[] | undefined;
  /** Only runs that did not succeed. @default false */
  isFailed?: boolean | undefined;
  /** Only runs whose id is above this one, in the order of their ids: for following new runs. */
  afterId?: number | undefined;
  /** At most this many, at least 1. @default 20 */
  limit?: number | undefined;
}

/** One run. Null is unknown. */
export interface ExecutionItem {
  id: number;
  traceId: string;
  /** When it ended, as ISO 8601 in UTC. */
  endedAt: string;
  agentName: string | null;
  repo: string | null;
  prNumber: number | null;
  eventType: string | null;
  deliveryId: string | null;
  sessionId: string | null;
  provider: string | null;
  model: string | null;
  conclusion: "success" | "failure" | "error";
  errorType: string | null;
  stopReason: string | null;
  /** Turns of the agent's loop. */
  numTurns: number | null;
  /** Milliseconds: the run's own word, else the span's. */
  durationMs: number;
  /** Uncached input. */
  inputTokens: number | null;
  /** Input read from the cache; no part of `inputTokens`. */
  cacheReadTokens: number | null;
  /** Input written to the cache; no part of `inputTokens`. */
  cacheCreationTokens: number | null;
  /** All output, reasoning included. */
  outputTokens: number | null;
  /** The known part of its cost, in nano-dollars. */
  costNanoUsd: number | null;
  /** The same in dollars. */
  costUsd: number | null;
  costSource: "reported" | "estimated" | "none";
  /** Uses of a model whose cost is unknown, and so missing from the cost. */
  unpriced: number;
}

const COLUMNS = `e.id, e.trace_id AS traceId, e.ended_ms AS endedMs, e.agent_name AS agentName, e.repo,
  e.pr_number AS prNumber, e.event_type AS eventType, e.delivery_id AS deliveryId,
  e.session_id AS sessionId, e.provider, e.model, e.conclusion, e.error_type AS errorType,
  e.stop_reason AS stopReason, e.num_turns AS numTurns, e.duration_ms AS durationMs,
  e.input_tokens AS inputTokens, e.cache_read_tokens AS cacheReadTokens,
  e.cache_creation_tokens AS cacheCreationTokens, e.output_tokens AS outputTokens,
  e.cost_nano_usd AS costNanoUsd, e.cost_source AS costSource, e.unpriced`;

const ORDER_SQL: Readonly<Record<ExecutionOrder, string>> = {
  newest: "e.ended_ms DESC, e.id DESC",
  dearest: "e.cost_nano_usd DESC NULLS LAST, e.id DESC",
  slowest: "e.duration_ms DESC, e.id DESC",
};

type Param = string | number | null;

/** A run is of a model or provider if any of its usage is. */
function filterSql(name: Dimension, value: string | null): { sql: string; params: Param[] } {
  if (!isDimension(name) || isTimeUnit(name)) {
    throw new RangeError(`listExecutions: cannot filter on "${name}".`);
  }
  const isValue = value === null ? "IS NULL" : "= ?";
  const params = value === null ? [] : [value];
  if (name !== "model" && name !== "provider") {
    return { sql: ` AND ${sumKey(name).run} ${isValue}`, params };
  }
  const used = `EXISTS (SELECT 1 FROM usage_rows u WHERE u.trace_no = e.trace_no
    AND u.execution_id = e.id AND u.counted AND u.${name} ${isValue})`;
  return { sql: ` AND (e.${name} ${isValue} OR ${used})`, params: [...params, ...params] };
}

function msOf(name: string, moment: Date | number | undefined, fallback: number): number {
  const ms = Number(moment ?? fallback);
  if (Number.isFinite(ms)) return ms;
  throw new RangeError(`listExecutions: ${name} is not a valid date.`);
}

type Row = Omit<ExecutionItem, "endedAt" | "costUsd"> & { endedMs: number };

function toItem({ endedMs, ...row }: Row): ExecutionItem {
  const costUsd = row.costNanoUsd === null ? null : row.costNanoUsd / 1e9;
  const { id, traceId, ...rest } = row;
  // Times beyond what a Date can hold come from broken clocks.
  const ended = new Date(Math.min(Math.max(endedMs, -8.64e15), 8.64e15));
  return { id, traceId, endedAt: ended.toISOString(), ...rest, costUsd };
}

/**
 * Runs that are still in the file: purged ones live on in cost reports only.
 * @throws {RangeError} for a filter, order, limit or date that cannot be.
 */
export function listExecutions(reader: Reader, query: ExecutionQuery = {}): ExecutionItem[] {
  const { order = "newest", where = [], isFailed = false, afterId, limit = 20 } = query;
  if (!EXECUTION_ORDERS.includes(order)) {
    throw new RangeError(
      `listExecutions: there is no order "${order}"; use ${EXECUTION_ORDERS.join(", ")}.`,
    );
  }
  if (!(Number.isInteger(limit) && limit > 0)) {
    throw new RangeError(`listExecutions: limit is ${limit}; it must be a whole number above 0.`);
  }
  const filters = where.map(([name, value]) => filterSql(name, value));
  const sql = `SELECT ${COLUMNS} FROM executions e
WHERE e.ended_ms >= ? AND e.ended_ms < ?${isFailed ? " AND e.conclusion <> 'success'" : ""}
  ${afterId === undefined ? "" : "AND e.id > ? "}${filters.map((filter) => filter.sql).join("")}
ORDER BY ${afterId === undefined ? ORDER_SQL[order] : "e.id"} LIMIT ?`;
  const rows = reader.all<Row>(
    sql,
    msOf("since", query.since, -9e15),
    msOf("until", query.until, 9e15),
    ...(afterId === undefined ? [] : [afterId]),
    ...filters.flatMap((filter) => filter.params),
    limit,
  );
  return rows.map(toItem);
}

/** The highest id of a run in the file; 0 where there is none. */
export function lastExecutionId(reader: Reader): number {
  const [row] = reader.values("SELECT max(id) FROM executions");
  return Number(row?.[0] ?? 0);
}
