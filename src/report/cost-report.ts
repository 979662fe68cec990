/**
 * ROW → ANSWER: what was spent, by model, repository, kind of event, day and more. This folder reads
 * rows through `src/store` and returns typed values; it prints nothing. Costs are integer
 * nano-dollars, and an unknown one is null. Times come in as arguments.
 */
import { SHOWN_SUMS, SUM_NAMES, type SumGroup, SumGroups } from "../store/cost-sums.ts";
import type { Reader } from "../store/reader.ts";
import { addGroup, collectGroups, type GroupQuery } from "./collect-groups.ts";
import { type CostGroup, type CostSums, costGroupOf } from "./cost-group.ts";
import { type CostNote, costNotes, MODEL_NOTE_SUMS } from "./cost-notes.ts";
import { DIMENSIONS, type Dimension, isDimension, isTimeUnit } from "./dimensions.ts";
import { zoneOf } from "./time-buckets.ts";

export const SORTS = [
  "cost",
  "runs",
  "failures",
  "input",
  "cache-read",
  "cache-write",
  "output",
  "cost-per-run",
  "p50",
  "p95",
  "key",
] as const;
/** What groups can be put in order by. */
export type Sort = (typeof SORTS)[number];

/** What to sum, and how to group it. */
export interface CostQuery {
  /** What to group by, in this order; none gives the total alone. @default [] */
  by?: readonly Dimension[] | undefined;
  /** From this moment on (a Date, or ms since 1970), by when a run ended. @default the beginning */
  since?: Date | number | undefined;
  /** Before this moment. @default no end */
  until?: Date | number | undefined;
  /** IANA name of the time zone of hours, days, weeks and months. @default "UTC" */
  tz?: string | undefined;
  /** Only where each of these dimensions, which are no times, has this value; null: where it is unknown. */
  where?: readonly (readonly [Dimension, string | null])[] | undefined;
  /** Descending, but for `key`. @default "key" where the first dimension is a time, else "cost" */
  sort?: Sort | undefined;
  /** Keeps this many groups; the others are added up in `rest`. @default all */
  top?: number | undefined;
}

/** What `costReport` answers. */
export interface CostReport {
  /** What it is grouped by, in this order. */
  by: readonly Dimension[];
  /** In the order that the query's `sort` asks for. */
  groups: CostGroup[];
  /** What `top` left out; null where nothing was. */
  rest: (CostSums & { groups: number }) | null;
  /** Each run once. */
  total: CostSums;
  /** Models with a use whose cost is unknown. */
  unpricedModels: string[];
  /** Spans that were lost, by reason. */
  droppedSpans: Record<string, number>;
  /** Where damaged files of this path were set aside: what they hold is not in the sums. */
  setAsideFiles: string[];
  /** What a reader of the sums must know besides them. */
  notes: CostNote[];
}

const DAY_MS = 86_400_000;

const BOUNDS = `SELECT
  min(coalesce((SELECT min(ended_ms) FROM executions), 9e15),
    coalesce((SELECT min(ended_ms) FROM usage_rows WHERE counted), 9e15),
    coalesce((SELECT strftime('%s', min(day)) * 1000 FROM usage_daily), 9e15)) AS first,
  max(coalesce((SELECT max(ended_ms) FROM executions), -9e15),
    coalesce((SELECT max(ended_ms) FROM usage_rows WHERE counted), -9e15),
    coalesce((SELECT strftime('%s', max(day)) * 1000 FROM usage_daily), -9e15)) AS last`;

function momentMs(name: string, moment: Date | number | undefined): number | null {
  if (moment === undefined) return null;
  const ms = typeof moment === "number" ? moment : moment.getTime();
  if (Number.isFinite(ms)) return Math.floor(ms);
  throw new RangeError(`costReport: ${name} is not a valid date.`);
}

/** The period, cut to the days where there is anything: whole ones, so that their totals serve. */
function periodOf(reader: Reader, query: CostQuery): { fromMs: number; toMs: number } {
  const [row] = reader.values(BOUNDS);
  const [firstMs = 0, lastMs = 0] = (row ?? []).map(Number);
  if (lastMs < firstMs) return { fromMs: 0, toMs: 0 };
  const sinceMs = momentMs("since", query.since) ?? Number.NEGATIVE_INFINITY;
  const untilMs = momentMs("until", query.until) ?? Number.POSITIVE_INFINITY;
  const endMs = Math.floor(lastMs / DAY_MS + 1) * DAY_MS;
  const fromMs = Math.min(Math.max(Math.floor(firstMs / DAY_MS) * DAY_MS, sinceMs), endMs);
  return { fromMs, toMs: Math.max(fromMs, Math.min(endMs, untilMs)) };
}

function checkQuery({ by = [], where = [], sort, top }: CostQuery): void {
  for (const name of [...by, ...where.map(([name]) => name)]) {
    if (isDimension(name)) continue;
    throw new RangeError(
      `costReport: there is no dimension "${name}"; use ${DIMENSIONS.join(", ")} or attr:KEY.`,
    );
  }
  const time = where.find(([name]) => isTimeUnit(name));
  if (time) throw new RangeError(`costReport: filter on ${time[0]} with since and until.`);
  if (sort !== undefined && !SORTS.includes(sort)) {
    throw new RangeError(`costReport: cannot sort by "${sort}"; use ${SORTS.join(", ")}.`);
  }
  if (top !== undefined && !(Number.isInteger(top) && top > 0)) {
    throw new RangeError(`costReport: top is ${top}; it must be a whole number above 0.`);
  }
}

const SORT_VALUE: Readonly<Record<Exclude<Sort, "key">, (sums: CostSums) => number | null>> = {
  cost: (sums) => sums.costNanoUsd,
  runs: (sums) => sums.runs,
  failures: (sums) => sums.failures,
  input: (sums) => sums.inputTokens,
  "cache-read": (sums) => sums.cacheReadTokens,
  "cache-write": (sums) => sums.cacheCreationTokens,
  output: (sums) => sums.outputTokens,
  "cost-per-run": (sums) => sums.costPerRunUsd,
  p50: (sums) => sums.p50DurationMs,
  p95: (sums) => sums.p95DurationMs,
};

function compareKeys(by: readonly Dimension[], a: CostGroup, b: CostGroup): number {
  for (let index = 0; index < by.length; index++) {
    const name = by[index] as Dimension;
    const value = a.key[name] ?? null;
    const other = b.key[name] ?? null;
    if (value === other) continue;
    if (value === null) return 1;
    if (other === null) return -1;
    return value < other ? -1 : 1;
  }
  return 0;
}

/** Sorting would ask for each pair several times. */
function isSorted(by: readonly Dimension[], groups: readonly CostGroup[]): boolean {
  for (let at = 1; at < groups.length; at++) {
    if (compareKeys(by, groups[at - 1] as CostGroup, groups[at] as CostGroup) > 0) return false;
  }
  return true;
}

/** `summed` are of other times than `stored`, which mostly are in the order of their keys. */
function inOrder(
  by: readonly Dimension[],
  stored: readonly CostGroup[],
  summed: readonly CostGroup[],
  sort: Sort,
): CostGroup[] {
  const byKey = (a: CostGroup, b: CostGroup): number => compareKeys(by, a, b);
  if (sort === "key") {
    const groups = stored.concat(summed.toSorted(byKey));
    return isSorted(by, groups) ? groups : groups.sort(byKey);
  }
  const rank = (group: CostGroup): number => SORT_VALUE[sort](group) ?? -1;
  return stored.concat(summed).sort((a, b) => rank(b) - rank(a) || byKey(a, b));
}

/** The sums of a report's total, or of what it leaves out. */
function toSums(group: SumGroup): CostSums {
  const { key: _, ...sums } = costGroupOf([], group);
  return sums;
}

/** @param values of the same groups, in the same order. */
function restOf(
  groups: readonly SumGroup[],
  values: readonly CostGroup[],
  shown: ReadonlySet<CostGroup>,
): CostReport["rest"] {
  const left = groups.filter((_, at) => !shown.has(values[at] as CostGroup));
  const sum = new SumGroups().at([]);
  for (const group of left) addGroup(sum, group);
  return { groups: left.length, ...toSums(sum) };
}

/**
 * What was spent, grouped, with a total. Sums are over usage that counts, within runs and outside of
 * any. Days that were purged are in it, exactly, but know only model, provider, repo, event, agent
 * and day; a purged day is in the period where its beginning is.
 * @throws {RangeError} for a dimension, time zone, sort or date that does not exist.
 */
export function costReport(reader: Reader, query: CostQuery = {}): CostReport {
  checkQuery(query);
  const { by = [], where = [], tz = "UTC" } = query;
  const sort = query.sort ?? (by[0] !== undefined && isTimeUnit(by[0]) ? "key" : "cost");
  return reader.snapshot(() => {
    const period = periodOf(reader, query);
    const zone = zoneOf(tz, period.fromMs, period.toMs);
    const all: GroupQuery = { by, where, ...period, zone, sums: SUM_NAMES, durations: "of groups" };
    const isByModel = by.length === 1 && by[0] === "model";
    // Groups that are added up further are all `summed`.
    const found = collectGroups(reader, {
      ...all,
      sums: isByModel ? SUM_NAMES : SHOWN_SUMS,
      durations: query.top === undefined ? "of groups" : "of sums of groups",
    });
    const summed = found.summed.all();
    const values = summed.map((group) => costGroupOf(by, group));
    const groups = inOrder(by, found.stored, values, sort);
    const shown = query.top === undefined ? groups : groups.slice(0, query.top);
    const total = collectGroups(reader, { ...all, by: [] }).summed.at([]);
    // The notes speak of models, whatever the report is grouped by.
    const models = isByModel
      ? summed
      : collectGroups(reader, {
          ...all,
          by: ["model"],
          sums: MODEL_NOTE_SUMS,
          durations: "none",
        }).summed.all();
    return {
      by,
      groups: shown,
      rest: shown.length < groups.length ? restOf(summed, values, new Set(shown)) : null,
      total: toSums(total),
      ...costNotes(reader, all, models, total),
    };
  });
}
