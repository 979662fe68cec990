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
  type TotalRow,
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
  summed: SumGroup[];
}

/** The same on the way. */
interface Groups {
  stored: CostGroup[];
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

/** Names of times by number, each made once. */
function namer(nameOf: (number: number) => string): (number: number) => string {
  const names = new Map<number, string>();
  return (number) => {
    let name = names.get(number);
    if (name === undefined) {
      name = nameOf(number);
      names.set(number, name);
    }
    return name;
  };
}

/** The texts of what rows are grouped by; a time comes as its hours or days since 1970. */
function namersOf(by: readonly Dimension[]): ((value: KeyValue) => KeyValue)[] {
  return by.map((unit) => {
    if (!isTimeUnit(unit)) return (value) => value;
    const nameOf = namer((bucket) => bucketName(unit, bucket));
    return (bucket) => (bucket === null ? null : nameOf(Number(bucket)));
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

function addRows(reader: Reader, query: GroupQuery, { summed }: Groups): void {
  const { by, zone, fromMs, toMs } = query;
  const where = query.where.map(([name, value]) => ({ key: keyOf(name, zone), value }));
  const found = new SumGroups();
  const keys = by.map((name) => keyOf(name, zone));
  addSums(reader, { by: keys, where, fromMs, toMs }, found);
  const names = namersOf(by);
  for (const group of found.all()) {
    const key = group.keys.map((value, index) => names[index]?.(value) ?? null);
    addGroup(summed.at(key), group);
  }
}

/** Whether each stored total is one group of the report. */
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
  { summed }: Groups,
): void {
  const by = placesOf(totals.cube, query.by);
  for (const row of sumTotals(reader, totals, by)) {
    addTotal(summed.at(row.slice(0, by.length)), row, by.length);
  }
  if (query.durations === "none") return;
  for (const [keys, stored] of readDurations(reader, totals, by)) {
    summed.at(keys).durations.stored.push(stored);
  }
}

/** A row's sums from `offset` on. */
function addTotal(group: SumGroup, row: readonly unknown[], offset: number): void {
  const added = row.slice(offset) as number[];
  if (group.sums.length === 0) group.sums = added;
  else addEach(group.sums, added);
}

type KeyReader = (row: TotalRow) => string | null;

/** What reads the value of each dimension from a row of totals. */
function keyReaders({ by, zone }: GroupQuery, cube: string): KeyReader[] {
  const places = placesOf(cube, by);
  return by.map((name, index) => {
    if (isTimeUnit(name)) {
      const nameOf = namer((start) => bucketName(name, zone.bucketAt(start * HOUR_MS, name)));
      return (row) => nameOf(row[0]);
    }
    const at = KEYS_OFFSET + (places[index] ?? 0);
    return (row) => row[at] as string | null;
  });
}

/** Each total is a group. Straight from row to group: a year of days has sixteen thousand of them. */
function addStoredGroups(
  reader: Reader,
  query: GroupQuery,
  totals: TotalsQuery,
  { stored }: Groups,
): void {
  const { by } = query;
  const offset = sumsOffset(totals.cube);
  const readers = keyReaders(query, totals.cube);
  for (const row of readTotals(reader, totals, false)) {
    const key: CostGroup["key"] = {};
    for (let index = 0; index < readers.length; index++) {
      key[by[index] as Dimension] = readers[index]?.(row) ?? null;
    }
    stored.push(costGroup(key, row, offset, storedDurations(row)));
  }
}

/** Each total falls into a group of its time. */
function addSeries(
  reader: Reader,
  query: GroupQuery,
  totals: TotalsQuery,
  { summed }: Groups,
): void {
  const offset = sumsOffset(totals.cube);
  const readers = keyReaders(query, totals.cube);
  for (const row of readTotals(reader, totals, query.durations !== "none")) {
    const group = summed.at(readers.map((read) => read(row)));
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
  groups: Groups,
): void {
  const columns = columnsOf(cube);
  const where = query.where.map(([name, value]) => [columns.indexOf(name), value] as const);
  const totals = { cube, hours, range, where, sums: query.sums };
  if (!query.by.some(isTimeUnit)) addSummedTotals(reader, query, totals, groups);
  else if (isGroupOfItsOwn(query, columns, hours)) addStoredGroups(reader, query, totals, groups);
  else addSeries(reader, query, totals, groups);
}

/** Takes what it can from totals of the first length, and fills the gaps from the others, or from rows. */
function addRange(
  reader: Reader,
  query: GroupQuery,
  cube: string | null,
  lengths: readonly PeriodHours[],
  groups: Groups,
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
  const summed = new SumGroups();
  const stored: CostGroup[] = [];
  addRange(reader, query, cubeFor(query), periodLengths(query), { stored, summed });
  return { stored, summed: summed.all() };
}
