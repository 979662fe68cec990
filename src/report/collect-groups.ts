/**
 * Collects the groups of a cost report: from the totals of finished days where these tell enough,
 * and from the rows for the rest (today, the edges of the period, days without a total).
 */
import {
  addSums,
  executionKey,
  type KeyValue,
  type SumGroup,
  SumGroups,
  type SumKey,
  type SumName,
} from "../store/cost-sums.ts";
import { addCount, type Percentiles } from "../store/duration-histogram.ts";
import {
  CUBES,
  durationsOf,
  HOUR_MS,
  type HourRange,
  keyColumn,
  PERIOD_HOURS,
  type PeriodHours,
  readTotals,
  START_MS,
  sumsOf,
  sumTotals,
  type TotalsQuery,
  totalledRanges,
} from "../store/period-totals.ts";
import type { Reader } from "../store/reader.ts";
import { type CostGroup, costGroup } from "./cost-group.ts";
import { type Dimension, isTimeUnit, sumKey } from "./dimensions.ts";
import { bucketName, type TimeUnit, type Zone } from "./time-buckets.ts";

export interface GroupQuery {
  by: readonly Dimension[];
  where: readonly (readonly [Dimension, string | null])[];
  fromMs: number;
  toMs: number;
  zone: Zone;
  /** Those that are asked for; others may be 0. */
  sums: readonly SumName[];
  /** Whether the durations of groups are asked for, and whether groups are then added up further. */
  durations: "none" | "of groups" | "of sums of groups";
}

/** What a query finds. A group is in one of both: a finished period has a total, or parts. */
export interface FoundGroups {
  /** Each of them is one stored total. */
  stored: CostGroup[];
  /** Added up from several totals, or from rows. */
  summed: SumGroups;
}

/** The totals that tell all that a query asks; null where none do. */
function cubeFor({ by, where }: GroupQuery): string | null {
  const names = [...by, ...where.map(([name]) => name)].filter((name) => !isTimeUnit(name));
  const asked = new Set<string>(names);
  // A model is looked up with its provider; a cube with a model says nothing of a repository's runs.
  if (asked.has("model")) asked.add("provider");
  const cube = ["provider", "model", "repo", "event", "agent"].filter((name) => asked.delete(name));
  const name = cube.join(",");
  return asked.size === 0 && name in CUBES ? name : null;
}

/** How long the periods may be whose totals a query can take: none may straddle two of its groups. */
function periodLengths({ by, zone }: GroupQuery): readonly PeriodHours[] {
  if (!by.some(isTimeUnit)) return PERIOD_HOURS;
  if (!zone.isWholeHours) return [];
  return zone.isUtc && !by.includes("hour") ? PERIOD_HOURS : [1];
}

function timeKey(unit: TimeUnit, zone: Zone): SumKey {
  // A purged day knows no hours, and is a day of UTC.
  const daily = unit === "hour" ? "NULL" : `strftime('%s', day) / 86400`;
  const { run } = executionKey(zone.bucketSql("e.ended_ms", unit));
  return { usage: zone.bucketSql("u.ended_ms", unit), run, daily };
}

function keyOf(name: Dimension, zone: Zone): SumKey {
  return isTimeUnit(name) ? timeKey(name, zone) : sumKey(name);
}

/** What names the keys of rows; a time comes as its hours or days since 1970, and is named once. */
function namersOf(by: readonly Dimension[]): ((value: KeyValue) => string | null)[] {
  return by.map((unit) => {
    if (!isTimeUnit(unit)) return (value) => value as string | null;
    const names = new Map<KeyValue, string | null>([[null, null]]);
    return (bucket) => {
      let name = names.get(bucket);
      if (name === undefined) {
        name = bucketName(unit, Number(bucket));
        names.set(bucket, name);
      }
      return name;
    };
  });
}

function addEach(sums: number[], added: readonly number[]): void {
  for (let index = 0; index < added.length; index++) {
    sums[index] = (sums[index] ?? 0) + (added[index] ?? 0);
  }
}

export function addGroup(target: SumGroup, { sums, durations }: SumGroup): void {
  addEach(target.sums, sums);
  for (const [bucket, count] of durations.counts ?? []) addCount(target.durations, bucket, count);
  for (const period of durations.stored) target.durations.stored.push(period);
}

/** What finds the group of a row, which begins with its keys. */
function groupFinder(
  by: readonly Dimension[],
  summed: SumGroups,
): (row: readonly unknown[]) => SumGroup {
  const names = namersOf(by);
  return (row) => summed.at(names.map((nameOf, index) => nameOf(row[index] as KeyValue)));
}

function addRows(reader: Reader, query: GroupQuery, { summed }: FoundGroups): void {
  const { by, zone, fromMs, toMs } = query;
  const where = query.where.map(([name, value]) => ({ key: keyOf(name, zone), value }));
  const found = new SumGroups();
  const keys = by.map((name) => keyOf(name, zone));
  addSums(reader, { by: keys, where, fromMs, toMs }, found);
  const groupOf = groupFinder(by, summed);
  for (const group of found.all()) addGroup(groupOf(group.keys), group);
}

/** Whether each stored total is one group of the report. */
function isGroupOfItsOwn(query: GroupQuery, columns: readonly string[], hours: number): boolean {
  if (query.durations !== "of groups") return false;
  // When clocks are set back, two hours are one group.
  if (hours === 1 && !query.zone.isSteady) return false;
  const by: readonly string[] = query.by;
  return by.includes(hours === 24 ? "day" : "hour") && columns.every((name) => by.includes(name));
}

/** Each total is a group. Straight from row to group: a year of days has sixteen thousand of them. */
function addStored(
  reader: Reader,
  { by }: GroupQuery,
  totals: TotalsQuery,
  { stored }: FoundGroups,
): void {
  const names = namersOf(by);
  const at = by.length;
  for (const row of readTotals(reader, totals, false)) {
    const key: CostGroup["key"] = {};
    for (let index = 0; index < names.length; index++) {
      key[by[index] as Dimension] = names[index]?.(row[index] as KeyValue) ?? null;
    }
    const percentiles = { p50Ms: row[at], p95Ms: row[at + 1] } as Percentiles;
    stored.push(costGroup(key, row, at + 2, percentiles));
  }
}

/** Groups of a series have few totals each: adding these up here is faster than to let SQLite sort them. */
function addSeries(
  reader: Reader,
  { by }: GroupQuery,
  totals: TotalsQuery,
  { summed }: FoundGroups,
): void {
  const groupOf = groupFinder(by, summed);
  for (const row of readTotals(reader, totals, true)) {
    const group = groupOf(row);
    addEach(group.sums, sumsOf(row, by.length));
    group.durations.stored.push(durationsOf(row, by.length));
  }
}

/** Groups of many totals: SQLite adds them up. */
function addSummed(
  reader: Reader,
  { by, durations }: GroupQuery,
  totals: TotalsQuery,
  { summed }: FoundGroups,
): void {
  const groupOf = groupFinder(by, summed);
  for (const row of sumTotals(reader, totals)) {
    addEach(groupOf(row).sums, row.slice(by.length) as number[]);
  }
  if (durations === "none") return;
  for (const row of readTotals(reader, { ...totals, sums: [] }, true)) {
    groupOf(row).durations.stored.push(durationsOf(row, by.length));
  }
}

function addTotals(
  reader: Reader,
  query: GroupQuery,
  cube: string,
  hours: PeriodHours,
  range: HourRange,
  groups: FoundGroups,
): void {
  const columns = cube === "" ? [] : cube.split(",");
  const { zone, sums } = query;
  const by = query.by.map((name) =>
    isTimeUnit(name) ? zone.bucketSql(START_MS, name) : keyColumn(columns.indexOf(name)),
  );
  const where = query.where.map(([name, value]) => [columns.indexOf(name), value] as const);
  const totals = { cube, hours, range, by, where, sums };
  if (isGroupOfItsOwn(query, columns, hours)) addStored(reader, query, totals, groups);
  else if (query.by.some(isTimeUnit)) addSeries(reader, query, totals, groups);
  else addSummed(reader, query, totals, groups);
}

/** Takes what it can from totals of the first length, and fills the gaps from the others, or from rows. */
function addRange(
  reader: Reader,
  query: GroupQuery,
  cube: string | null,
  lengths: readonly PeriodHours[],
  groups: FoundGroups,
): void {
  const [hours, ...shorter] = lengths;
  if (query.fromMs >= query.toMs) return;
  if (cube === null || hours === undefined) {
    addRows(reader, query, groups);
    return;
  }
  const within = {
    fromHour: Math.ceil(query.fromMs / HOUR_MS),
    toHour: Math.floor(query.toMs / HOUR_MS),
  };
  let { fromMs } = query;
  for (const range of totalledRanges(reader, hours, within)) {
    addRange(reader, { ...query, fromMs, toMs: range.fromHour * HOUR_MS }, cube, shorter, groups);
    addTotals(reader, query, cube, hours, range, groups);
    fromMs = range.toHour * HOUR_MS;
  }
  addRange(reader, { ...query, fromMs }, cube, shorter, groups);
}

/** All groups of a query, in no order. */
export function collectGroups(reader: Reader, query: GroupQuery): FoundGroups {
  const groups: FoundGroups = { stored: [], summed: new SumGroups() };
  addRange(reader, query, cubeFor(query), periodLengths(query), groups);
  return groups;
}
