import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  bucketSql,
  type Durations,
  encodeCounts,
  type Percentiles,
  percentilesMs,
} from "../../src/store/duration-histogram.ts";

const db = new Database(":memory:");
const statement = db.query<{ bucket: number; runs: number }, [string]>(
  `SELECT ${bucketSql("value")} AS bucket, count(*) AS runs FROM json_each(?) GROUP BY 1`,
);

function countsOf(durationsMs: readonly number[]): Map<number, number> {
  const rows = statement.all(JSON.stringify(durationsMs));
  return new Map(rows.map(({ bucket, runs }) => [bucket, runs]));
}

function storedOf(durationsMs: readonly number[]): Durations["stored"][number] {
  const counts = countsOf(durationsMs);
  return { encoded: encodeCounts(counts), ...percentilesMs({ counts, stored: [] }) };
}

/** The nearest rank. */
function exactPercentile(durationsMs: readonly number[], share: number): number {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length - 1e-9) - 1)] ?? Number.NaN;
}

function expectNear({ p50Ms, p95Ms }: Percentiles, durationsMs: readonly number[]): void {
  for (const [ms, share] of [
    [p50Ms, 0.5],
    [p95Ms, 0.95],
  ] as const) {
    const exact = exactPercentile(durationsMs, share);
    const found = ms ?? Number.NaN;
    expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * 0.01);
  }
}

const DURATIONS = fc.array(fc.nat({ max: 10_000_000_000 }), { minLength: 1, maxLength: 60 });

describe("percentiles of durations", () => {
  test("are within 1 % of the exact ones", () => {
    fc.assert(
      fc.property(DURATIONS, (durationsMs) => {
        expectNear(percentilesMs({ counts: countsOf(durationsMs), stored: [] }), durationsMs);
      }),
    );
  });

  test("of stored periods and of rows together are those of all runs", () => {
    fc.assert(
      fc.property(DURATIONS, DURATIONS, DURATIONS, (first, second, live) => {
        const durations = { counts: countsOf(live), stored: [storedOf(first), storedOf(second)] };
        expectNear(percentilesMs(durations), [...first, ...second, ...live]);
      }),
    );
  });

  test("of one stored period are the stored ones", () => {
    const stored = storedOf([10, 20, 3000]);
    expect(percentilesMs({ counts: null, stored: [stored] })).toMatchObject({
      p50Ms: 20,
      p95Ms: 2992,
    });
  });

  test("are unknown without runs", () => {
    expect(percentilesMs({ counts: null, stored: [] })).toEqual({ p50Ms: null, p95Ms: null });
  });

  test("of short durations are exact, and of absurd ones still numbers", () => {
    const short = percentilesMs({ counts: countsOf([0, 7, 127]), stored: [] });
    expect(short).toEqual({ p50Ms: 7, p95Ms: 127 });
    const absurd = percentilesMs({ counts: countsOf([-5, 9e15]), stored: [] });
    expect(absurd.p50Ms).toBe(0);
  });
});
