/**
 * ROW → ANSWER: what was spent, by model, repository, kind of event, day and more. This folder reads
 * rows through `src/store` and returns typed values; it prints nothing. Costs are integer
 * nano-dollars, and an unknown one is null. Times come in as arguments.
 */
import {
  type KeyValue,
  SHOWN_SUMS,
  SUM_INDEX,
  SUM_NAMES,
  type SumGroup,
  SumGroups,
} from "../store/cost-sums.ts";
import { percentilesMs } from "../store/duration-histogram.ts";
import type { Reader } from "../store/reader.ts";
import { addGroup, collectGroups, type GroupQuery } from "./cost-groups.ts";
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

/** Sums over runs, and over model calls outside any run. Tokens are counts. */
export interface CostSums {
  /** Runs; grouped or filtered by provider or model, the runs that used it, once for each provider of a model. */
  runs: number;
  /** Those that ended as a failure or an error. */
  failures: number;
  /** Uncached input. */
  inputTokens: number;
  /** Input read from the cache; no part of `inputTokens`. */
  cacheReadTokens: number;
  /** Input written to the cache; no part of `inputTokens`. */
  cacheCreationTokens: number;
  /** All output, reasoning included. */
  outputTokens: number;
  /** Part of `outputTokens`. */
  reasoningTokens: number;
  /** Cache reads as a share (0 to 1) of all input; null without input. */
  cacheHitShare: number | null;
  /** What is known of the cost, in nano-dollars, exact up to 2^53 (9 million dollars); null where nothing is. */
  costNanoUsd: number | null;
  /** The same in dollars. */
  costUsd: number | null;
  /** Null where no cost is known, or there is no run. */
  costPerRunUsd: number | null;
  /** Half of the runs took no longer, to within 1 %; null where no duration is known any more. */
  p50DurationMs: number | null;
  /** The same for 95 of 100 runs. */
  p95DurationMs: number | null;
  /** Uses of a model whose cost is unknown, and so missing from the sum. */
  unpriced: number;
  /** The share (0 to 1) of the cost that was computed from prices, not reported; null where no cost is known. */
  estimatedShare: number | null;
}

/** The sums of one group. */
export interface CostGroup extends CostSums {
  /** The group's value for each dimension, as text; null where it is unknown. A week is its Monday. */
  key: Record<string, string | null>;
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

const {
  runs: RUNS,
  failures: FAILURES,
  input_tokens: INPUT,
  cache_read_tokens: CACHE_READ,
  cache_creation_tokens: CACHE_CREATION,
  output_tokens: OUTPUT,
  reasoning_tokens: REASONING,
  cost_nano_usd: COST,
  estimated_cost_nano_usd: ESTIMATED,
  uses: USES,
  unpriced: UNPRICED,
} = SUM_INDEX;

/** The typed value of a group. */
function toGroup(by: readonly Dimension[], { keys, sums, durations }: SumGroup): CostGroup {
  const runs = sums[RUNS] ?? 0;
  const inputTokens = sums[INPUT] ?? 0;
  const cacheReadTokens = sums[CACHE_READ] ?? 0;
  const cacheCreationTokens = sums[CACHE_CREATION] ?? 0;
  const unpriced = sums[UNPRICED] ?? 0;
  const allInput = inputTokens + cacheReadTokens + cacheCreationTokens;
  const costNanoUsd = (sums[USES] ?? 0) > unpriced ? (sums[COST] ?? 0) : null;
  const costUsd = costNanoUsd === null ? null : costNanoUsd / 1e9;
  const { p50Ms, p95Ms } = percentilesMs(durations);
  const key: CostGroup["key"] = {};
  for (let at = 0; at < by.length; at++) {
    const value = keys[at] ?? null;
    key[by[at] ?? ""] = value === null ? null : String(value);
  }
  return {
    key,
    runs,
    failures: sums[FAILURES] ?? 0,
    inputTokens,
    cacheReadTokens,
    cacheCreationTokens,
    outputTokens: sums[OUTPUT] ?? 0,
    reasoningTokens: sums[REASONING] ?? 0,
    cacheHitShare: allInput === 0 ? null : cacheReadTokens / allInput,
    costNanoUsd,
    costUsd,
    costPerRunUsd: costUsd === null || runs === 0 ? null : costUsd / runs,
    p50DurationMs: p50Ms,
    p95DurationMs: p95Ms,
    unpriced,
    estimatedShare:
      costNanoUsd === null ? null : costNanoUsd === 0 ? 0 : (sums[ESTIMATED] ?? 0) / costNanoUsd,
  };
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

function compareKeys(a: SumGroup, b: SumGroup): number {
  for (let index = 0; index < a.keys.length; index++) {
    const value = a.keys[index] as KeyValue;
    const other = b.keys[index] as KeyValue;
    if (value === other) continue;
    if (value === null) return 1;
    if (other === null) return -1;
    return value < other ? -1 : 1;
  }
  return 0;
}

/** Stored totals mostly come in the order of their keys, and sorting would ask for each pair again. */
function isSorted(groups: readonly SumGroup[]): boolean {
  for (let at = 1; at < groups.length; at++) {
    if (compareKeys(groups[at - 1] as SumGroup, groups[at] as SumGroup) > 0) return false;
  }
  return true;
}

/** The places of the groups in the order in which they are shown; null where they are in it. */
function orderOf(
  groups: readonly SumGroup[],
  values: readonly CostGroup[],
  sort: Sort,
): number[] | null {
  if (sort === "key" && isSorted(groups)) return null;
  const places = groups.map((_, place) => place);
  const byKey = (a: number, b: number): number =>
    compareKeys(groups[a] as SumGroup, groups[b] as SumGroup);
  if (sort === "key") return places.sort(byKey);
  const ranks = values.map((value) => SORT_VALUE[sort](value) ?? -1);
  return places.sort((a, b) => (ranks[b] ?? 0) - (ranks[a] ?? 0) || byKey(a, b));
}

function ordered<T>(items: T[], places: readonly number[] | null): T[] {
  return places === null ? items : places.map((place) => items[place] as T);
}

/** The sums of a report's total, or of what it leaves out. */
function toSums(group: SumGroup): CostSums {
  const { key: _, ...sums } = toGroup([], group);
  return sums;
}

function sumOf(groups: readonly SumGroup[]): SumGroup {
  const sum = new SumGroups().at([]);
  for (const group of groups) addGroup(sum, group);
  return sum;
}

function restOf(groups: readonly SumGroup[]): CostReport["rest"] {
  return groups.length === 0 ? null : { groups: groups.length, ...toSums(sumOf(groups)) };
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
    const found = collectGroups(reader, {
      ...all,
      sums: isByModel ? SUM_NAMES : SHOWN_SUMS,
      durations: query.top === undefined ? "of groups" : "of sums of groups",
    });
    const values = found.map((group) => toGroup(by, group));
    const places = orderOf(found, values, sort);
    const groups = ordered(values, places);
    const top = query.top ?? groups.length;
    const [total = new SumGroups().at([])] = collectGroups(reader, { ...all, by: [] });
    // The notes speak of models, whatever the report is grouped by.
    const models = isByModel
      ? found
      : collectGroups(reader, { ...all, by: ["model"], sums: MODEL_NOTE_SUMS, durations: "none" });
    return {
      by,
      groups: top < groups.length ? groups.slice(0, top) : groups,
      rest: restOf(top < groups.length ? ordered(found, places).slice(top) : []),
      total: toSums(total),
      ...costNotes(reader, all, models, total),
    };
  });
}
