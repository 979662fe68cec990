/**
 * Hours, days, weeks and months in a time zone. SQL counts hours or days since 1970 in local time,
 * and this names them: SQLite knows no time zones but UTC and the machine's own.
 */

export const TIME_UNITS = ["hour", "day", "week", "month"] as const;
export type TimeUnit = (typeof TIME_UNITS)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Hours are counted as such; all else is made of days. */
export function unitMs(unit: TimeUnit): number {
  return unit === "hour" ? HOUR_MS : DAY_MS;
}

/**
 * Local time minus UTC, in ms, at any moment.
 * @throws {RangeError} where `timeZone` is no IANA name.
 */
function offsetReader(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (ms) => {
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
    const date = [part("year"), part("month") - 1, part("day")] as const;
    const local = Date.UTC(...date, part("hour"), part("minute"), part("second"));
    return local - Math.floor(ms / 1000) * 1000;
  };
}

/** Moments from which another offset holds. No zone changes twice within a week. */
function offsetChanges(timeZone: string, fromMs: number, toMs: number): [number, number][] {
  if (timeZone === "UTC") return [[fromMs, 0]];
  const offsetAt = offsetReader(timeZone);
  const changes: [number, number][] = [[fromMs, offsetAt(fromMs)]];
  for (let start = fromMs; start < toMs; start += 7 * DAY_MS) {
    let before = start;
    let after = Math.min(start + 7 * DAY_MS, toMs);
    const offset = offsetAt(after);
    if (offsetAt(before) === offset) continue;
    while (after - before > 1000) {
      const middle = Math.floor((before + after) / 2000) * 1000;
      if (middle <= before) break;
      if (offsetAt(middle) === offset) after = middle;
      else before = middle;
    }
    changes.push([after, offset]);
  }
  return changes;
}

/** A time zone over a range of time. */
export interface Zone {
  /** Whether its days are those of UTC all through the range. */
  isUtc: boolean;
  /** Whether its hours are. */
  isWholeHours: boolean;
  /** Whether its clocks are never changed in the range: no two hours have one name. */
  isSteady: boolean;
  /** SQL for the hours or days since 1970, in local time, of a column in ms. */
  bucketSql(column: string, unit: TimeUnit): string;
}

/** @throws {RangeError} where `timeZone` is no IANA name. */
export function zoneOf(timeZone: string, fromMs: number, toMs: number): Zone {
  const changes = offsetChanges(timeZone, fromMs, toMs);
  const isUtc = changes.every(([, offset]) => offset === 0);
  const offsetSql = (column: string): string => {
    const cases = changes
      .toReversed()
      .map(([ms, offset]) => ` WHEN ${column} >= ${ms} THEN ${offset}`);
    return `CASE${cases.join("")} ELSE 0 END`;
  };
  return {
    isUtc,
    isWholeHours: changes.every(([, offset]) => offset % HOUR_MS === 0),
    isSteady: changes.length === 1,
    bucketSql: (column, unit) =>
      isUtc
        ? `${column} / ${unitMs(unit)}`
        : `(${column} + ${offsetSql(column)}) / ${unitMs(unit)}`,
  };
}

function isoDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** `2026-11-24 13:00`, `2026-11-24`, the Monday on which its week begins, or `2026-11`. */
export function bucketName(unit: TimeUnit, bucket: number): string {
  if (unit === "hour") {
    return new Date(bucket * HOUR_MS).toISOString().slice(0, 16).replace("T", " ");
  }
  // Day 0 was a Thursday.
  if (unit === "week") return isoDay(bucket - ((bucket + 3) % 7));
  return unit === "day" ? isoDay(bucket) : isoDay(bucket).slice(0, 7);
}

/**
 * The moment at which clocks in a time zone show `localMs`, written as if it were UTC: the first one
 * where they show it twice; where they skip it, as many minutes behind the gap as it lies within.
 * @throws {RangeError} where `timeZone` is no IANA name.
 */
export function zonedMs(timeZone: string, localMs: number): number {
  if (timeZone === "UTC") return localMs;
  const offsetAt = offsetReader(timeZone);
  const early = localMs - offsetAt(localMs - DAY_MS);
  const late = localMs - offsetAt(localMs + DAY_MS);
  const isShown = (ms: number): boolean => ms + offsetAt(ms) === localMs;
  return isShown(early) || !isShown(late) ? early : late;
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
