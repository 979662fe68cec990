/** Two questions about cost, as a report and as plain SQL over all rows, and how their answers compare. */
import { type CostQuery, type CostReport, costReport } from "../../src/report/cost-report.ts";
import { openReader } from "../../src/store/reader.ts";
import { Store } from "../../src/store/store.ts";
import type { SampleShape } from "../support/sample-database.ts";
import { median } from "./figures.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 24, 13, 17);
export const SINCE_MS: number = NOW_MS - 30 * DAY_MS;

/** The same runs wherever the same number of them is asked for. */
export function sampleShape(runs: number): SampleShape {
  return { seed: 1, runs, lastMs: NOW_MS, days: 400, repos: 40 };
}

export const SUMS: string = `count(DISTINCT u.execution_id), sum(u.input_tokens),
  sum(u.cache_read_tokens), sum(u.cache_creation_tokens), sum(u.output_tokens), sum(u.cost_nano_usd)`;

export interface Question {
  name: string;
  query: CostQuery;
  args: string[];
  plainSql: string;
}

export const BY_MODEL: Question = {
  name: "by model, since 30d",
  query: { by: ["model"], since: SINCE_MS },
  args: ["--by", "model", "--since", new Date(SINCE_MS).toISOString()],
  plainSql: `SELECT u.model, ${SUMS} FROM usage_rows u
    WHERE u.counted AND u.ended_ms >= ${SINCE_MS} GROUP BY 1`,
};

export const BY_DAY_AND_REPO: Question = {
  name: "by day,repo, all time",
  query: { by: ["day", "repo"] },
  args: ["--by", "day,repo"],
  plainSql: `SELECT date(u.ended_ms / 1000, 'unixepoch'), e.repo, ${SUMS}
    FROM usage_rows u LEFT JOIN executions e ON e.id = u.execution_id WHERE u.counted GROUP BY 1, 2`,
};

/** The median of so many. */
export function timeMs(rounds: number, run: () => void): number {
  const times = Array.from({ length: rounds }, () => {
    const beganMs = performance.now();
    run();
    return performance.now() - beganMs;
  });
  return median(times);
}

/** Totals of all finished days first, as a writer builds them day by day, and then the purge. */
export function purge(path: string): void {
  const store = new Store({ path, writer: "bench", busyTimeoutMs: 1000 });
  const maintainer = store.maintainer({ retentionMs: 90 * DAY_MS, maxDbBytes: 0 });
  while (maintainer.step(NOW_MS).didWork);
  store.close();
}

/** Keys and sums of `plainSql`'s rows, to be compared with `reportSums`. */
export function plainSums(rows: unknown[][], { query }: Question): string {
  const keys = query.by?.length ?? 0;
  const cells = rows.map((row) => [row.slice(0, keys).join(), row.slice(keys + 1).map(Number)]);
  return JSON.stringify(cells.toSorted());
}

export function reportSums({ groups, by }: CostReport): string {
  const cells = groups.map((group) => [
    by.map((name) => group.key[name]).join(),
    [
      ...[group.inputTokens, group.cacheReadTokens, group.cacheCreationTokens],
      ...[group.outputTokens, group.costNanoUsd ?? 0],
    ],
  ]);
  return JSON.stringify(cells.toSorted());
}

export function answer(path: string, { query }: Question): CostReport {
  using reader = openReader(path);
  return costReport(reader, query);
}
