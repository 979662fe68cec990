import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  bucketName,
  isTimeZone,
  TIME_UNITS,
  zonedMs,
  zoneOf,
} from "../../src/report/time-buckets.ts";

const HOUR_MS = 3_600_000;
const FROM_MS = Date.UTC(2026, 0, 1);
const TO_MS = Date.UTC(2027, 0, 1);
const ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe"];

/** What a clock on the wall shows, by another way than the one under test. */
function wallClock(timeZone: string, ms: number): string {
  const options = { timeZone, dateStyle: "short", timeStyle: "short" } as const;
  return new Intl.DateTimeFormat("sv-SE", options).format(ms);
}

describe.each(ZONES)("in %s", (timeZone) => {
  const zone = zoneOf(timeZone, FROM_MS, TO_MS);
  const moments = Array.from({ length: 1500 }, (_, i) => FROM_MS + i * 5.83 * HOUR_MS).map(
    Math.round,
  );

  test("SQL counts the hours and days of the wall clock", () => {
    const db = new Database(":memory:");
    for (const unit of ["hour", "day"] as const) {
      const sql = `SELECT ${zone.bucketSql("value", unit)} FROM json_each(?)`;
      const buckets = db.query(sql).values(JSON.stringify(moments)).flat().map(Number);
      const length = unit === "hour" ? 13 : 10;
      expect(buckets.map((bucket) => bucketName(unit, bucket).slice(0, length))).toEqual(
        moments.map((ms) => wallClock(timeZone, ms).slice(0, length)),
      );
    }
  });

  test("a date is the moment at which it begins there", () => {
    for (const day of ["2026-03-29", "2026-07-01", "2026-10-25", "2026-12-31"]) {
      const ms = zonedMs(timeZone, Date.parse(`${day}T00:00:00Z`));
      expect(wallClock(timeZone, ms)).toBe(`${day} 00:00`);
    }
  });
});

test("a date, or a time, that clocks skip is when they go on, and one shown twice is the first", () => {
  const moment = (timeZone: string, local: string): string =>
    new Date(zonedMs(timeZone, Date.parse(`${local}:00Z`))).toISOString().slice(0, 16);
  // Clocks go from midnight to one o'clock.
  expect(moment("America/Havana", "2026-03-08T00:00")).toBe("2026-03-08T05:00");
  expect(moment("America/Santiago", "2026-09-06T00:00")).toBe("2026-09-06T04:00");
  expect(moment("Africa/Cairo", "2026-04-24T00:00")).toBe("2026-04-23T22:00");
  expect(moment("Europe/Berlin", "2026-03-29T02:30")).toBe("2026-03-29T01:30");
  expect(moment("Europe/Berlin", "2026-10-25T02:30")).toBe("2026-10-25T00:30");
  expect(moment("America/Havana", "2026-11-01T00:00")).toBe("2026-11-01T04:00");
});

test("weeks begin on Monday, months are months", () => {
  const day = (text: string): number => Date.parse(text) / (24 * HOUR_MS);
  expect(bucketName("week", day("2026-11-22"))).toBe("2026-11-16");
  expect(bucketName("week", day("2026-11-23"))).toBe("2026-11-23");
  expect(bucketName("month", day("2026-11-30"))).toBe("2026-11");
  expect(TIME_UNITS).toHaveLength(4);
});

test("only IANA names are time zones", () => {
  expect(["UTC", "Europe/Berlin", "Mars/Base", ""].map(isTimeZone)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
