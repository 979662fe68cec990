import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { compareCosts } from "../../src/report/compare-costs.ts";
import { type CostQuery, type CostReport, costReport } from "../../src/report/cost-report.ts";
import type { Dimension } from "../../src/report/dimensions.ts";
import { openReader } from "../../src/store/reader.ts";
import { Store } from "../../src/store/store.ts";
import { ACME_NOW_MS, writeAcme } from "../support/acme.ts";
import { createSampleDatabase } from "../support/sample-database.ts";
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

interface PlainUse {
  run: number;
  day: string;
  repo: string | null;
  event: string | null;
  agent: string | null;
  conclusion: string;
  provider: string | null;
  model: string | null;
  input: number;
  cost: number | null;
  counted: number;
}

/** All uses as they stand in the tables, for sums that are made without the code under test. */
function plainUses(path: string): PlainUse[] {
  const db = new Database(path, { readonly: true });
  const sql = `SELECT e.id AS run, date(e.ended_ms / 1000, 'unixepoch') AS day, repo,
    event_type AS event, agent_name AS agent, conclusion, u.provider, u.model,
    u.input_tokens AS input, coalesce(reported_cost_nano_usd, computed_cost_nano_usd) AS cost, counted
    FROM usage_rows u JOIN executions e ON e.id = u.execution_id`;
  const rows = db.query(sql).all() as PlainUse[];
  db.close(true);
  return rows.filter(({ counted }) => counted === 1);
}

describe("a report equals plain sums over the rows", () => {
  const KEYS = ["day", "repo", "event", "agent", "provider", "model", "conclusion"] as const;
  let path: string;
  let uses: PlainUse[];
  beforeAll(() => {
    path = join(mkdtempSync(join(tmpdir(), "spanledger-")), "t.db");
    createSampleDatabase(path, { seed: 5, runs: 3000, lastMs: NOW_MS, days: 20, repos: 5 });
    uses = plainUses(path);
  });
  afterAll(() => rmSync(dirname(path), { recursive: true }));

  test("whatever it is grouped by and filtered on", () => {
    const keys = fc.uniqueArray(fc.constantFrom(...KEYS), { maxLength: 3 });
    const filter = fc.constantFrom<[Dimension, string | null][]>(
      [],
      [["repo", "acme/repo-2"]],
      [["model", "gpt-5"]],
      [["event", null]],
      [
        ["provider", "anthropic"],
        ["agent", "writer"],
      ],
    );
    fc.assert(
      fc.property(keys, filter, (by, where) => {
        const groups = new Map<string, { input: number; cost: number | null; runs: Set<string> }>();
        for (const use of uses) {
          if (where.some(([name, value]) => use[name as "repo"] !== value)) continue;
          const key = JSON.stringify(by.map((name) => use[name]));
          const sum = groups.get(key) ?? { input: 0, cost: null, runs: new Set() };
          sum.input += use.input;
          if (use.cost !== null) sum.cost = (sum.cost ?? 0) + use.cost;
          // By model a run counts once for each of its models, by provider for each provider.
          const apart = [...by, ...where.map(([name]) => name)];
          const part = apart.includes("model")
            ? `${use.provider} ${use.model}`
            : apart.includes("provider")
              ? use.provider
              : "";
          sum.runs.add(`${use.run} ${part}`);
          groups.set(key, sum);
        }
        const found = report(path, { by, where }).groups.map((group) => [
          JSON.stringify(by.map((name) => group.key[name])),
          { input: group.inputTokens, cost: group.costNanoUsd, runs: group.runs },
        ]);
        const plain = [...groups].map(([key, sum]) => [key, { ...sum, runs: sum.runs.size }]);
        expect(Object.fromEntries(found)).toEqual(Object.fromEntries(plain));
      }),
      { numRuns: 40 },
    );
  });
});

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
