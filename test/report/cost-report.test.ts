import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { compareCosts } from "../../src/report/compare-costs.ts";
import { type CostQuery, type CostReport, costReport } from "../../src/report/cost-report.ts";
import type { Dimension } from "../../src/report/dimensions.ts";
import { openReader } from "../../src/store/reader.ts";
import { Store } from "../../src/store/store.ts";
import { ACME_NOW_MS, writeAcme } from "../support/acme.ts";
import { execution, modelUsage, NOW_MS, spanRow, usage } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();
const DAY_MS = 86_400_000;

function acme(): string {
  const path = join(tempDir(), "t.db");
  writeAcme(path);
  return path;
}

function report(path: string, query: CostQuery): CostReport {
  using reader = openReader(path);
  return costReport(reader, query);
}

describe("runs", () => {
  test("count once for each model or provider they used, and once in the total", () => {
    const path = acme();
    const runs = (by: Dimension): unknown =>
      report(path, { by: [by] }).groups.map(({ key, runs: count }) => [key[by], count]);
    expect(runs("model")).toEqual([
      ["claude-sonnet-4-5", 4],
      ["gpt-5", 1],
      ["claude-haiku-4-5", 1],
      ["in-house-7b", 1],
    ]);
    expect(runs("provider")).toEqual([
      ["anthropic", 4],
      ["openai", 1],
      [null, 1],
    ]);
    expect(report(path, { by: ["model"] }).total.runs).toBe(6);
  });

  test("are not there for a call outside any run, but its cost is", () => {
    const path = join(tempDir(), "t.db");
    const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
    const models = [modelUsage({ reportedCostNanoUsd: 7 })];
    store.write([spanRow({ usage: usage({ models }) })], NOW_MS);
    store.close();
    const [group] = report(path, { by: ["repo"] }).groups;
    expect(group).toMatchObject({
      key: { repo: null },
      runs: 0,
      costNanoUsd: 7,
      costPerRunUsd: null,
    });
  });
});

test("the hour that clocks show twice has the durations of both, with totals as without", () => {
  const path = join(tempDir(), "t.db");
  const nowMs = Date.UTC(2026, 9, 26);
  const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
  for (const [hour, durationMs] of [100, 900].entries()) {
    const endMs = Date.UTC(2026, 9, 25, hour, 30);
    store.write([spanRow({ trace: hour, endMs, execution: execution({ durationMs }) })], nowMs);
  }
  const hours = () => report(path, { by: ["hour"], tz: "Europe/Berlin" }).groups;
  const both = { runs: 2, p50DurationMs: 100, p95DurationMs: 900 };
  expect(hours()).toMatchObject([{ key: { hour: "2026-10-25 02:00" }, ...both }]);
  const maintainer = store.maintainer({ retentionMs: 400 * DAY_MS, maxDbBytes: 0 });
  while (maintainer.step(nowMs).didWork);
  store.close();
  expect(hours()).toMatchObject([{ key: { hour: "2026-10-25 02:00" }, ...both }]);
});

describe("costs", () => {
  test("that are unknown are null, and no part of them is 0", () => {
    const { groups, unpricedModels } = report(acme(), { by: ["model"] });
    const unknown = groups.find(({ key }) => key["model"] === "in-house-7b");
    expect(unknown).toMatchObject({
      costNanoUsd: null,
      costUsd: null,
      costPerRunUsd: null,
      unpriced: 1,
    });
    expect(unpricedModels).toEqual(["in-house-7b"]);
  });

  test("of 0 are known", () => {
    const path = join(tempDir(), "t.db");
    const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
    const models = [modelUsage({ reportedCostNanoUsd: 0 })];
    store.write([spanRow({ execution: execution(), usage: usage({ models }) })], NOW_MS);
    store.close();
    expect(report(path, {}).total).toMatchObject({
      costNanoUsd: 0,
      estimatedShare: 0,
      unpriced: 0,
    });
  });

  test("beyond what 64 bits hold are still a number", () => {
    const path = join(tempDir(), "t.db");
    const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
    const models = [modelUsage({ reportedCostNanoUsd: Number.MAX_SAFE_INTEGER })];
    const rows = Array.from({ length: 1100 }, (_, trace) =>
      spanRow({ trace, execution: execution(), usage: usage({ models }) }),
    );
    store.write(rows, NOW_MS);
    store.close();
    const { total } = report(path, { by: ["model"] });
    expect(total.runs).toBe(1100);
    expect(total.costUsd).toBeCloseTo((1100 * Number.MAX_SAFE_INTEGER) / 1e9, -3);
  });
});

describe("notes", () => {
  test("name what is unpriced, drifts, is estimated, incomplete or lost", () => {
    const path = acme();
    const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
    store.recordDrops({ queue_full: 3 }, ACME_NOW_MS);
    store.close();
    expect(report(path, {}).notes.map(({ kind }) => kind)).toEqual([
      "unpriced",
      "drift",
      "estimated",
      "lower_bound",
      "lost_spans",
    ]);
  });

  test("say what a purged day no longer knows", () => {
    const path = acme();
    const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
    const maintainer = store.maintainer({ retentionMs: 2 * DAY_MS, maxDbBytes: 0 });
    while (maintainer.step(ACME_NOW_MS).didWork);
    store.close();
    const purged = (query: CostQuery): string | undefined =>
      report(path, query).notes.find(({ kind }) => kind === "purged")?.text;
    expect(purged({ by: ["repo"] })).toBeUndefined();
    expect(purged({ by: ["pr"] })).toBe("What was purged, up to 2026-11-17, has no pr any more.");
    expect(purged({ where: [["session", "s-1"]] })).toBe(
      "What was purged, up to 2026-11-17, is left out: its session is not known any more.",
    );
    expect(purged({ by: ["day"], tz: "Asia/Tokyo" })).toBe(
      "What was purged, up to 2026-11-17, counts by the day of UTC.",
    );
    expect(report(path, { by: ["pr"] }).total.runs).toBe(6);
  });
});

describe("an impossible query", () => {
  test.each<[CostQuery, string]>([
    [{ by: ["colour" as "repo"] }, 'costReport: there is no dimension "colour"'],
    [{ by: ["attr:"] }, 'there is no dimension "attr:"'],
    [{ where: [["week", "2026-11-16"]] }, "costReport: filter on week with since and until."],
    [{ sort: "price" as "cost" }, 'costReport: cannot sort by "price"'],
    [{ top: 1.5 }, "costReport: top is 1.5; it must be a whole number above 0."],
    [{ since: new Date("never") }, "costReport: since is not a valid date."],
    [{ tz: "Mars/Base" }, "Mars/Base"],
  ])("%p throws a sentence", (query, message) => {
    const path = acme();
    expect(() => report(path, query)).toThrow(RangeError);
    expect(() => report(path, query)).toThrow(message);
  });

  test("an attribute's name is never SQL", () => {
    const path = acme();
    const evil = `attr:x') FROM executions; DROP TABLE executions; --` as const;
    expect(report(path, { by: [evil] }).groups).toMatchObject([{ runs: 6 }]);
    expect(report(path, { where: [["repo", "' OR 1=1 --"]] }).total.runs).toBe(0);
  });
});

test("two periods are compared group by group", () => {
  const path = acme();
  using reader = openReader(path);
  const until = new Date(ACME_NOW_MS);
  const since = new Date(ACME_NOW_MS - DAY_MS);
  const { groups } = compareCosts(reader, { by: ["repo"], since, until, shiftMs: DAY_MS });
  expect(
    groups.map(({ key, current, previous }) => [key["repo"], current?.runs, previous?.runs]),
  ).toEqual([
    ["acme/api", 2, undefined],
    ["acme/web", undefined, 2],
  ]);
  expect(() => compareCosts(reader, { by: ["day"], since, until, shiftMs: DAY_MS })).toThrow(
    "compareCosts: two periods have no day in common.",
  );
});
