/**
 * The report against plain sums over everything that was ever written: live and purged, with totals
 * of finished periods and without, with spans that came late, in every calendar.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import type { CostSums } from "../../src/report/cost-group.ts";
import { type CostQuery, costReport } from "../../src/report/cost-report.ts";
import { DIMENSIONS, type Dimension } from "../../src/report/dimensions.ts";
import { openReader, type Reader } from "../../src/store/reader.ts";
import {
  emptySums,
  mergeSums,
  type PlainSums,
  type PlainWork,
  plainReport,
} from "../support/plain-report.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { FIRST_MS, LAST_MS, type WrittenStage, writeHistory } from "../support/written-history.ts";

const tempDir = useTempDir();
const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/St_Johns",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "America/Havana",
  "Pacific/Apia",
] as const;
const ATTRIBUTES = ["attr:team", "attr:a'b\"c.d $ü", "attr:isBig"] as const;

const moment = fc.integer({ min: FIRST_MS - 3_600_000, max: LAST_MS + 3_600_000 });
const dimension = fc.constantFrom<Dimension>(...DIMENSIONS, ...ATTRIBUTES);
const filter = fc.constantFrom<[Dimension, string | null]>(
  ["repo", "acme/repo-1"],
  ["repo", null],
  ["model", "gpt-5"],
  ["model", null],
  ["provider", "anthropic"],
  ["provider", null],
  ["event", "review"],
  ["agent", "writer"],
  ["pr", "2"],
  ["session", "s-1"],
  ["conclusion", "failure"],
  ["attr:team", "core"],
  ["attr:isBig", "true"],
  ["attr:team", null],
);
const queries: fc.Arbitrary<CostQuery> = fc.record({
  by: fc.uniqueArray(dimension, { maxLength: 3 }),
  where: fc.array(filter, { maxLength: 2 }),
  since: fc.option(moment, { nil: undefined }),
  until: fc.option(moment, { nil: undefined }),
  tz: fc.constantFrom(...ZONES),
  top: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
});

/** To within 1 %, as buckets are: the duration that `share` of the runs do not exceed. */
function isPercentile(found: number | null, durationsMs: number[], share: number): boolean {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const exact = sorted[Math.ceil(share * sorted.length) - 1];
  if (exact === undefined) return found === null;
  return found !== null && Math.abs(found - exact) <= exact / 100;
}

function expectSums(found: CostSums, plain: PlainSums): void {
  const { durationsMs, estimatedNanoUsd, ...exact } = plain;
  const { costNanoUsd, runs, inputTokens, cacheReadTokens, cacheCreationTokens } = exact;
  const allInput = inputTokens + cacheReadTokens + cacheCreationTokens;
  const costUsd = costNanoUsd === null ? null : costNanoUsd / 1e9;
  expect(found).toMatchObject({
    ...exact,
    costUsd,
    cacheHitShare: allInput === 0 ? null : cacheReadTokens / allInput,
    costPerRunUsd: costUsd === null || runs === 0 ? null : costUsd / runs,
    estimatedShare: costNanoUsd === null ? null : estimatedNanoUsd / Math.max(costNanoUsd, 1),
  });
  if (durationsMs === null) return;
  expect(found.p50DurationMs).toSatisfy((ms) => isPercentile(ms, durationsMs, 0.5));
  expect(found.p95DurationMs).toSatisfy((ms) => isPercentile(ms, durationsMs, 0.95));
}

function expectReport(reader: Reader, written: readonly PlainWork[], query: CostQuery): void {
  const { top, ...all } = query;
  const { by = [] } = query;
  const plain = plainReport(written, all);
  const report = costReport(reader, query);
  if (top === undefined) expect(report.groups).toHaveLength(plain.size);
  expect(report.groups.length + (report.rest?.groups ?? 0)).toBe(plain.size);
  for (const { key, ...sums } of report.groups) {
    const name = JSON.stringify(by.map((dimensionName) => key[dimensionName]));
    const own = plain.get(name);
    expect([name, own !== undefined]).toEqual([name, true]);
    if (own) expectSums(sums, own);
    plain.delete(name);
  }
  if (report.rest) {
    const { groups: _, ...rest } = report.rest;
    expectSums(rest, mergeSums([...plain.values()]));
  }
  const total = plainReport(written, { ...all, by: [] }).get("[]") ?? emptySums();
  expectSums(report.total, total);
}

const STAGES: readonly WrittenStage[] = ["rows", "totals", "purged", "late", "forgotten"];
const QUERIES = 100;
const TIMEOUT_MS = 60_000;

test.each(STAGES)(
  "whatever is asked is what was written, to the nano-dollar: %s",
  (stage) => {
    const path = join(tempDir(), "t.db");
    const written = writeHistory(path, 1, stage);
    using reader = openReader(path);
    fc.assert(
      fc.property(queries, (query) => expectReport(reader, written, query)),
      { numRuns: QUERIES },
    );
  },
  TIMEOUT_MS,
);

const LINES = ["day", "agent", "repo", "event", "provider", "model"] as const;

test.each(STAGES)(
  "the view daily_costs says the same: %s",
  (stage) => {
    const path = join(tempDir(), "t.db");
    const written = writeHistory(path, 2, stage);
    using reader = openReader(path);
    const lines = reader.values(
      `SELECT json_array(day, agent_name, repo, event_type, provider, model), model_runs, input_tokens,
       cache_read_tokens, cache_creation_tokens, output_tokens, cost_nano_usd, unpriced FROM daily_costs`,
    );
    const plain = [...plainReport(written, { by: LINES })].map(([key, sums]) => [
      ...[key, sums.runs, sums.inputTokens, sums.cacheReadTokens, sums.cacheCreationTokens],
      ...[sums.outputTokens, sums.costNanoUsd, sums.unpriced],
    ]);
    expect(lines.toSorted()).toEqual(plain.toSorted());
    const total = plainReport(written, {}).get("[]");
    expect(reader.values("SELECT sum(runs), sum(failures) FROM daily_costs")).toEqual([
      [total?.runs, total?.failures],
    ]);
  },
  TIMEOUT_MS,
);
