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
import { addCount } from "../store/duration-histogram.ts";
import {
  CUBES,
  HOUR_MS,
  type HourRange,
  KEYS_OFFSET,
  PERIOD_HOURS,
  type PeriodHours,
  readDurations,
  readTotals,
  storedDurations,
  sumsOffset,
  sumTotals,
  type TotalsQuery,
  totalledRanges,
} from "../store/period-totals.ts";
import type { Reader } from "../store/reader.ts";
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

/** Names of hours and days, each made once. */
function namer(unit: TimeUnit): (bucket: KeyValue) => KeyValue {
  const names = new Map<KeyValue, string>();
  return (bucket) => {
    if (bucket === null) return null;
    let name = names.get(bucket);
    if (name === undefined) {
      name = bucketName(unit, Number(bucket));
      names.set(bucket, name);
    }
    return name;
  };
}

/** Names of what periods fall into, by their start in hours since 1970, each made once. */
function startNamer(unit: TimeUnit, zone: Zone): (start: KeyValue) => KeyValue {
  const names = new Map<KeyValue, string>();
  return (start) => {
    let name = names.get(start);
    if (name === undefined) {
      name = bucketName(unit, zone.bucketAt(Number(start) * HOUR_MS, unit));
      names.set(start, name);
    }
    return name;
  };
}

function namersOf(by: readonly Dimension[]): ((value: KeyValue) => KeyValue)[] {
  return by.map((name) => (isTimeUnit(name) ? namer(name) : (value) => value));
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

function addRows(reader: Reader, query: GroupQuery, groups: SumGroups): void {
  const { by, zone, fromMs, toMs } = query;
  const where = query.where.map(([name, value]) => ({ key: keyOf(name, zone), value }));
  const found = new SumGroups();
  const keys = by.map((name) => keyOf(name, zone));
  addSums(reader, { by: keys, where, fromMs, toMs }, found);
  const names = namersOf(by);
  for (const group of found.all()) {
    const key = group.keys.map((value, index) => names[index]?.(value) ?? null);
    addGroup(groups.at(key), group);
  }
}

/** Whether each stored total is one group of the report: its percentiles are then the group's. */
function isGroupOfItsOwn(query: GroupQuery, columns: readonly string[], hours: number): boolean {
  if (query.durations !== "of groups") return false;
  // When clocks are set back, two hours are one group.
  if (hours === 1 && !query.zone.isSteady) return false;
  const by: readonly string[] = query.by;
  return by.includes(hours === 24 ? "day" : "hour") && columns.every((name) => by.includes(name));
}

function columnsOf(cube: string): string[] {
  return cube === "" ? [] : cube.split(",");
}

/** Where each dimension stands among the cube's keys; a time is none of them. */
function placesOf(cube: string, names: readonly string[]): number[] {
  const columns = columnsOf(cube);
  return names.map((name) => columns.indexOf(name));
}

/** Groups that are no series: SQLite adds the periods up. */
function addSummedTotals(
  reader: Reader,
  query: GroupQuery,
  totals: TotalsQuery,
  groups: SumGroups,
): void {
  const by = placesOf(totals.cube, query.by);
  for (const row of sumTotals(reader, totals, by)) {
    addTotal(groups.at(row.slice(0, by.length)), row, by.length);
  }
  if (query.durations === "none") return;
  for (const [keys, stored] of readDurations(reader, totals, by)) {
    groups.at(keys).durations.stored.push(stored);
  }
}

/** A row's sums from `offset` on; most groups of a series have one row. */
function addTotal(group: SumGroup, row: readonly unknown[], offset: number): void {
  const added = row.slice(offset) as number[];
  if (group.sums.length === 0) group.sums = added;
  else addEach(group.sums, added);
}

/** A series: each period falls into a group of its time. By index: a year of days has thousands. */
function addEachTotal(
  reader: Reader,
  query: GroupQuery,
  totals: TotalsQuery,
  groups: SumGroups,
): void {
  const { cube, hours } = totals;
  const { by, zone, durations: asked } = query;
  const offset = sumsOffset(cube);
  const places = placesOf(cube, by).map((place) => (place < 0 ? 0 : KEYS_OFFSET + place));
  const names = by.map((name) => (isTimeUnit(name) ? startNamer(name, zone) : null));
  const hasDurations = asked !== "none" && !isGroupOfItsOwn(query, columnsOf(cube), hours);
  for (const row of readTotals(reader, totals, hasDurations)) {
    const keys: KeyValue[] = [];
    for (let index = 0; index < places.length; index++) {
      const value = row[places[index] as number] as KeyValue;
      const nameOf = names[index];
      keys.push(nameOf ? nameOf(value) : value);
    }
    const group = groups.at(keys);
    addTotal(group, row, offset);
    group.durations.stored.push(storedDurations(row));
  }
}

function addTotals(
  reader: Reader,
  query: GroupQuery,
  cube: string,
  hours: PeriodHours,
  range: HourRange,
  groups: SumGroups,
): void {
  const columns = columnsOf(cube);
  const where = query.where.map(([name, value]) => [columns.indexOf(name), value] as const);
  const add = query.by.some(isTimeUnit) ? addEachTotal : addSummedTotals;
  add(reader, query, { cube, hours, range, where, sums: query.sums }, groups);
}

/** Takes what it can from totals of the first length, and fills the gaps from the others, or from rows. */
function addRange(
  reader: Reader,
  query: GroupQuery,
  cube: string | null,
  lengths: readonly PeriodHours[],
  groups: SumGroups,
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
export function collectGroups(reader: Reader, query: GroupQuery): SumGroup[] {
  const groups = new SumGroups();
  addRange(reader, query, cubeFor(query), periodLengths(query), groups);
  return groups.all();
}
