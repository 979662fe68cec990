/**
 * What runs and usage add up to, over a range of time, by any keys: from live rows, and from
 * `usage_daily` where they were purged. Everything here is additive over days, because a run and its
 * usage fall on one day; reports and the totals of finished periods (period-totals.ts) stand on it alike.
 */
import { addCount, bucketSql, type Durations } from "./duration-histogram.ts";

/** Counts, and sums of what is known. Money is nano-dollars. */
export const SUM_NAMES = [
  "runs",
  "failures",
  "input_tokens",
  "cache_read_tokens",
  "cache_creation_tokens",
  "output_tokens",
  "reasoning_tokens",
  "cost_nano_usd",
  "estimated_cost_nano_usd",
  "uses",
  "unpriced",
  // Only the notes beneath a report speak of these: see SHOWN_SUMS.
  "web_search_requests",
  "lower_bound_runs",
  "unknown_base_runs",
  "approx_cost_nano_usd",
  "checked_reported_nano_usd",
  "checked_computed_nano_usd",
] as const;
export type SumName = (typeof SUM_NAMES)[number];

/** What is shown of each group of a report. */
export const SHOWN_SUMS: readonly SumName[] = SUM_NAMES.slice(0, SUM_NAMES.indexOf("unpriced") + 1);

/** Where each sum stands in `SumGroup.sums`. */
export const SUM_INDEX: Readonly<Record<SumName, number>> = Object.fromEntries(
  SUM_NAMES.map((name, index) => [name, index]),
) as Record<SumName, number>;

/** One key to group by or filter on, as SQL over each of the three sources. */
export interface SumKey {
  /** Over `usage_rows u LEFT JOIN executions e`. */
  usage: string;
  /** Over `executions e LEFT JOIN used`: what the run used, with its provider and model. */
  run: string;
  /** Over `usage_daily`; NULL where a purged day no longer knows. */
  daily: string;
  /** Set where one run may have several values of it, and then stands in the group of each. */
  ofUsage?: "provider" | "model";
}

/** A run without usage stands under the provider and model that it was configured with. */
function modelKey(column: "provider" | "model"): SumKey {
  return {
    usage: `u.${column}`,
    run: `iif(used.id IS NULL, e.${column}, used.${column})`,
    daily: column,
    ofUsage: column,
  };
}

export function executionKey(expression: string, daily = "NULL"): SumKey {
  return { usage: expression, run: expression, daily };
}

export const PROVIDER_KEY: SumKey = modelKey("provider");
export const MODEL_KEY: SumKey = modelKey("model");
export const REPO_KEY: SumKey = executionKey("e.repo", "repo");
export const EVENT_KEY: SumKey = executionKey("e.event_type", "event_type");
export const AGENT_KEY: SumKey = executionKey("e.agent_name", "agent_name");

export interface SumFilter {
  key: SumKey;
  /** Null: where it is unknown. */
  value: string | null;
}

export interface SumQuery {
  by: readonly SumKey[];
  where: readonly SumFilter[];
  /** From this moment on, and before that one, in ms since 1970. */
  fromMs: number;
  toMs: number;
}

export type KeyValue = string | number | null;

export interface SumGroup {
  keys: KeyValue[];
  /** In the order of `SUM_NAMES`, as far as anything was added. */
  sums: number[];
  durations: Durations;
}

type Branch = Map<KeyValue, Branch | SumGroup>;

/** Groups by their keys, to which several queries add. */
export class SumGroups {
  readonly #root: Branch = new Map();
  readonly #all: SumGroup[] = [];

  /** The group of these keys, which are as many in each call. A new group keeps the array. */
  at(keys: KeyValue[]): SumGroup {
    // A tree of maps, not one text of all keys: sixteen thousand groups are looked up in half the time.
    let branch = this.#root;
    const last = keys.length - 1;
    for (let depth = 0; depth < last; depth++) {
      const key = keys[depth] ?? null;
      let next = branch.get(key) as Branch | undefined;
      if (!next) {
        next = new Map();
        branch.set(key, next);
      }
      branch = next;
    }
    const key = keys[last] ?? null;
    const found = branch.get(key) as SumGroup | undefined;
    if (found) return found;
    const durations: Durations = { counts: null, stored: [] };
    const group: SumGroup = { keys, sums: [], durations };
    branch.set(key, group);
    this.#all.push(group);
    return group;
  }

  all(): SumGroup[] {
    return this.#all;
  }
}

/** What runs a query and returns its rows as arrays. */
export interface RowSource {
  values(sql: string, ...params: (string | number | null)[]): unknown[][];
}

/** `sum()` fails beyond 64 bits, which only absurd figures reach: then their sum may be inexact. */
export function valuesOf(source: RowSource, sql: string, params: KeyValue[]): unknown[][] {
  try {
    return source.values(sql, ...params);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes("integer overflow"))) throw error;
    return source.values(sql.replaceAll("sum(", "total("), ...params);
  }
}

/** `?1` and `?2` are the range; filters take the numbers after them. */
function filterSql(where: readonly SumFilter[], source: "usage" | "run" | "daily"): string {
  let number = 2;
  const terms = where.map(({ key, value }) =>
    value === null ? ` AND ${key[source]} IS NULL` : ` AND ${key[source]} = ?${++number}`,
  );
  return terms.join("");
}

function paramsOf({ fromMs, toMs, where }: SumQuery): (string | number)[] {
  return [fromMs, toMs, ...where.flatMap(({ value }) => value ?? [])];
}

function list(parts: readonly string[]): string {
  return parts.map((part) => `${part}, `).join("");
}

/** By the first columns of a query. */
export function groupBy(count: number): string {
  return count === 0
    ? ""
    : ` GROUP BY ${Array.from({ length: count }, (_, i) => i + 1).join(", ")}`;
}

const USAGE_SUMS: readonly [SumName, string][] = [
  ["input_tokens", "sum(u.input_tokens)"],
  ["cache_read_tokens", "sum(u.cache_read_tokens)"],
  ["cache_creation_tokens", "sum(u.cache_creation_tokens)"],
  ["output_tokens", "sum(u.output_tokens)"],
  ["reasoning_tokens", "sum(u.reasoning_tokens)"],
  ["web_search_requests", "sum(u.web_search_requests)"],
  ["cost_nano_usd", "sum(u.cost_nano_usd)"],
  [
    "estimated_cost_nano_usd",
    "sum(iif(u.reported_cost_nano_usd IS NULL, u.computed_cost_nano_usd, 0))",
  ],
  ["uses", "count(*)"],
  ["unpriced", "sum(u.cost_nano_usd IS NULL)"],
  [
    "approx_cost_nano_usd",
    "sum(iif(u.reported_cost_nano_usd IS NULL AND u.price_match = 'approx', u.computed_cost_nano_usd, 0))",
  ],
  [
    "checked_reported_nano_usd",
    "sum(iif(u.computed_cost_nano_usd IS NULL, 0, u.reported_cost_nano_usd))",
  ],
  [
    "checked_computed_nano_usd",
    "sum(iif(u.reported_cost_nano_usd IS NULL, 0, u.computed_cost_nano_usd))",
  ],
];

function keysOf(query: SumQuery): SumKey[] {
  return [...query.by, ...query.where.map(({ key }) => key)];
}

/** Which of a run's uses are told apart: a run counts once for each. */
function usesApart(query: SumQuery): "model" | "provider" | null {
  const apart = keysOf(query).map((key) => key.ofUsage);
  if (apart.includes("model")) return "model";
  return apart.includes("provider") ? "provider" : null;
}

function addUsage(source: RowSource, query: SumQuery, groups: SumGroups): void {
  const keys = query.by.map((key) => key.usage);
  const needsRuns = keysOf(query).some((key) => key.usage.includes("e."));
  const join = needsRuns ? " LEFT JOIN executions e ON e.id = u.execution_id" : "";
  const sql = `SELECT ${list(keys)}${USAGE_SUMS.map(([, sum]) => sum).join(", ")}
FROM usage_rows u${join}
WHERE u.counted AND u.ended_ms >= ?1 AND u.ended_ms < ?2${filterSql(query.where, "usage")}${groupBy(keys.length)}`;
  const at = USAGE_SUMS.map(([name]) => SUM_INDEX[name]);
  for (const row of valuesOf(source, sql, paramsOf(query))) {
    if (row[keys.length + USAGE_SUMS.findIndex(([name]) => name === "uses")] === 0) continue;
    addAt(groups.at(row.slice(0, keys.length) as KeyValue[]), row, keys.length, at);
  }
}

function addAt(group: SumGroup, row: unknown[], offset: number, at: readonly number[]): void {
  while (group.sums.length < SUM_NAMES.length) group.sums.push(0);
  at.forEach((index, column) => {
    group.sums[index] = (group.sums[index] ?? 0) + Number(row[offset + column] ?? 0);
  });
}

/** Each run once for each model of each provider, or for each provider, that it used. */
function usedSql(columns: readonly string[]): string {
  const names = columns.map((column) => `, ${column}`).join("");
  return `WITH used AS MATERIALIZED (SELECT execution_id AS id${names} FROM usage_rows
WHERE counted AND ended_ms >= ?1 AND ended_ms < ?2 AND execution_id IS NOT NULL
GROUP BY execution_id${names})\n`;
}

const RUN_SUMS: readonly [SumName, string][] = [
  ["runs", "count(*)"],
  ["failures", "sum(e.conclusion <> 'success')"],
  ["lower_bound_runs", "sum(e.usage_quality = 'lower_bound')"],
  ["unknown_base_runs", "sum(e.usage_quality = 'unknown_base')"],
];

function addRuns(source: RowSource, query: SumQuery, groups: SumGroups): void {
  const keys = query.by.map((key) => key.run);
  const apart = usesApart(query);
  const columns = apart === "model" ? ["provider", "model"] : apart && ["provider"];
  const sql = `${columns ? usedSql(columns) : ""}SELECT ${list(keys)}${bucketSql("e.duration_ms")},
  ${RUN_SUMS.map(([, sum]) => sum).join(", ")}
FROM executions e${columns ? " LEFT JOIN used ON used.id = e.id" : ""}
WHERE e.ended_ms >= ?1 AND e.ended_ms < ?2${filterSql(query.where, "run")}${groupBy(keys.length + 1)}`;
  const at = RUN_SUMS.map(([name]) => SUM_INDEX[name]);
  for (const row of valuesOf(source, sql, paramsOf(query))) {
    const group = groups.at(row.slice(0, keys.length) as KeyValue[]);
    const bucket = Number(row[keys.length]);
    addCount(group.durations, bucket, Number(row[keys.length + 1]));
    addAt(group, row, keys.length + 1, at);
  }
}

const DAILY_SUMS: readonly SumName[] = [
  "input_tokens",
  "cache_read_tokens",
  "cache_creation_tokens",
  "output_tokens",
  "reasoning_tokens",
  "web_search_requests",
  "cost_nano_usd",
  "estimated_cost_nano_usd",
  "uses",
  "unpriced",
];

/** A purged day is one whole: it is in the range where its beginning is. */
function addPurged(source: RowSource, query: SumQuery, groups: SumGroups): void {
  const keys = query.by.map((key) => key.daily);
  const apart = usesApart(query);
  const prefix = apart ? `${apart}_` : "";
  const sums = [`sum(${prefix}runs)`, `sum(${prefix}failures)`].concat(
    DAILY_SUMS.map((name) => `sum(${name})`),
  );
  const sql = `SELECT ${list(keys)}count(*), ${sums.join(", ")} FROM usage_daily
WHERE day >= ${startDaySql("?1")} AND day < ${startDaySql("?2")}${filterSql(query.where, "daily")}${groupBy(keys.length)}`;
  const at = [SUM_INDEX.runs, SUM_INDEX.failures, ...DAILY_SUMS.map((name) => SUM_INDEX[name])];
  for (const row of valuesOf(source, sql, paramsOf(query))) {
    if (row[keys.length] === 0) continue;
    addAt(groups.at(row.slice(0, keys.length) as KeyValue[]), row, keys.length + 1, at);
  }
}

/** The first day that begins at or after a moment. */
function startDaySql(ms: string): string {
  return `strftime('%Y-%m-%d', (${ms} + 86399999) / 1000, 'unixepoch')`;
}

/** Adds what the rows of the file say, live and purged ones. */
export function addSums(source: RowSource, query: SumQuery, groups: SumGroups): void {
  addUsage(source, query, groups);
  addRuns(source, query, groups);
  addPurged(source, query, groups);
}
