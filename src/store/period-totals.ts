/**
 * Totals of finished days, and of the finished hours of the last weeks, so that a report over months
 * reads days instead of runs, and hours at the edges of its period. Hours and days are those of UTC.
 *
 * A day's total is its live rows and what of it was purged together, so a purge changes none; whatever
 * else changes rows forgets the totals of their hour and day in the same transaction, and they are
 * built again later. A report takes from the rows what has no total: that costs time, never truth.
 * A purged day knows no hours, so hours count only where nothing is purged: see `firstHour`.
 */
import {
  AGENT_KEY,
  EVENT_KEY,
  groupBy,
  type KeyValue,
  MODEL_KEY,
  PROVIDER_KEY,
  REPO_KEY,
  type RowSource,
  SUM_NAMES,
  type SumKey,
  type SumName,
  valuesOf,
} from "./cost-sums.ts";
import type { StoredDurations } from "./duration-histogram.ts";

export const HOUR_MS: number = 3_600_000;
/** The lengths of the periods that have totals, in hours. */
export const PERIOD_HOURS = [24, 1] as const;
export type PeriodHours = (typeof PERIOD_HOURS)[number];

/** By which keys totals are kept: a report that needs no others reads these. */
export const CUBES: Readonly<Record<string, readonly SumKey[]>> = {
  "": [],
  provider: [PROVIDER_KEY],
  "provider,model": [PROVIDER_KEY, MODEL_KEY],
  "provider,model,repo": [PROVIDER_KEY, MODEL_KEY, REPO_KEY],
  repo: [REPO_KEY],
  event: [EVENT_KEY],
  agent: [AGENT_KEY],
};

/** `[fromHour, toHour)`, in hours since 1970. */
export interface HourRange {
  fromHour: number;
  toHour: number;
}

const LAST_PURGED = "SELECT strftime('%s', max(day)) / 3600 FROM usage_daily";

/** The first hour after the last day of which something was purged. */
export function firstHour(source: RowSource): number {
  const [row] = source.values(LAST_PURGED);
  const lastDay = row?.[0] ?? null;
  return lastDay === null ? 0 : Number(lastDay) + 24;
}

const BUILT = `SELECT start FROM totalled_periods
WHERE built > 0 AND hours = ?1 AND start >= ?2 AND start + ?1 <= ?3 ORDER BY start`;

/** Where within `range` there are totals of periods of this length, as few ranges. */
export function totalledRanges(
  source: RowSource,
  hours: PeriodHours,
  { fromHour, toHour }: HourRange,
): HourRange[] {
  const from = hours === 1 ? Math.max(fromHour, firstHour(source)) : fromHour;
  const ranges: HourRange[] = [];
  let last: HourRange | undefined;
  for (const [value] of source.values(BUILT, hours, from, toHour)) {
    const start = Number(value);
    if (last?.toHour === start) last.toHour += hours;
    else {
      last = { fromHour: start, toHour: start + hours };
      ranges.push(last);
    }
  }
  return ranges;
}

/** SQL over `period_totals` for a key of a cube, by its place. */
export function keyColumn(place: number): string {
  return `k${place + 1}`;
}

/** The same for the moment at which a period begins, in ms since 1970. */
export const START_MS: string = `start * ${HOUR_MS}`;

/** Which totals, and how much of them: a report over months reads thousands, and every column costs time. */
export interface TotalsQuery {
  cube: string;
  hours: PeriodHours;
  /** All of its periods have a total. */
  range: HourRange;
  /** What to tell apart, as SQL: keys of the cube, or what their start falls into. */
  by: readonly string[];
  /** Only where a key of the cube, by its place, has this value. @default all */
  where?: readonly (readonly [place: number, value: KeyValue])[];
  /** The others are 0. */
  sums: readonly SumName[];
}

function whereSql({ cube, hours, range, where = [] }: TotalsQuery): [string, KeyValue[]] {
  const filters = where.map(([place], index) => ` AND ${keyColumn(place)} IS ?${index + 5}`);
  const sql = `FROM period_totals
WHERE hours = ?1 AND cube = ?2 AND start >= ?3 AND start < ?4${filters.join("")}`;
  return [sql, [hours, cube, range.fromHour, range.toHour, ...where.map(([, value]) => value)]];
}

/** A column for each sum, up to the last one that is asked for. */
function sumColumns(asked: readonly SumName[], columnOf: (name: SumName) => string): string[] {
  const last = SUM_NAMES.findLastIndex((name) => asked.includes(name));
  return SUM_NAMES.slice(0, last + 1).map((name) => (asked.includes(name) ? columnOf(name) : "0"));
}

/** Totals added up: their keys and sums. */
export function sumTotals(source: RowSource, query: TotalsQuery): unknown[][] {
  const columns = [...query.by, ...sumColumns(query.sums, (name) => `sum(${name})`)];
  const [from, params] = whereSql(query);
  const grouping = groupBy(query.by.length) || " HAVING count(*) > 0";
  return valuesOf(source, `SELECT ${columns.join(", ")} ${from}${grouping}`, params);
}

/** Each total by itself: its keys, p50 and p95 in ms, its sums, and its durations where these are asked for. */
export function readTotals(
  source: RowSource,
  query: TotalsQuery,
  hasDurations: boolean,
): unknown[][] {
  const columns = [...query.by, "p50_duration_ms", "p95_duration_ms"];
  columns.push(...sumColumns(query.sums, (name) => name));
  if (hasDurations) columns.push("durations");
  const [from, params] = whereSql(query);
  return source.values(`SELECT ${columns.join(", ")} ${from}`, ...params);
}

/** The sums of such a row with durations, after so many keys. */
export function sumsOf(row: readonly unknown[], keys: number): number[] {
  return row.slice(keys + 2, -1) as number[];
}

/** Its durations. */
export function durationsOf(row: readonly unknown[], keys: number): StoredDurations {
  return { p50Ms: row[keys], p95Ms: row[keys + 1], encoded: row.at(-1) } as StoredDurations;
}
