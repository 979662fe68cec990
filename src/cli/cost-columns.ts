import type { ComparedGroup, CostComparison } from "../report/compare-costs.ts";
import type { CostSums } from "../report/cost-group.ts";
import type { CostReport } from "../report/cost-report.ts";
import { isTimeUnit } from "../report/dimensions.ts";
import type { Terminal } from "./cli.ts";
import type { Column } from "./column.ts";
import { type Format, formatRows } from "./formats.ts";
import { formatChange } from "./quantities.ts";
import { bar } from "./style.ts";
import type { Text } from "./text-buffer.ts";

type Keyed = { key: Record<string, string | null> };
const BAR_WIDTH = 12;

function keyColumns<Row extends Keyed>(by: readonly string[]): Column<Row>[] {
  return by.map((name) => ({
    title: name,
    name,
    kind: "text",
    rank: 0,
    value: ({ key }) => key[name] ?? null,
    style: ({ key }) => (key[name] === null ? "dim" : null),
  }));
}

function costPerRunNanoUsd({ costPerRunUsd }: CostSums): number | null {
  return costPerRunUsd === null ? null : costPerRunUsd * 1e9;
}

/** What is made of the known part of a cost is a lower bound. */
function isLowerBound({ unpriced }: CostSums): boolean {
  return unpriced > 0;
}

/** Draws the cost of each group; not of totals, which would dwarf what the bars compare. */
function barDrawer(groups: CostReport["groups"]): (row: CostSums & Keyed) => string {
  const keys = new Set<unknown>();
  let dearest = 0;
  return ({ key, costNanoUsd }) => {
    if (keys.size === 0) {
      for (const group of groups) {
        keys.add(group.key);
        dearest = Math.max(dearest, group.costNanoUsd ?? 0);
      }
    }
    return dearest > 0 && keys.has(key) ? bar((costNanoUsd ?? 0) / dearest, BAR_WIDTH) : "";
  };
}

/** The columns of a cost report; on a terminal with a bar for each group's cost. */
export function costColumns({ by, groups }: CostReport): Column<CostSums & Keyed>[] {
  const number = (
    title: string,
    name: string,
    kind: Column<CostSums>["kind"],
    value: (sums: CostSums) => number | null,
    rank = 0,
  ): Column<CostSums & Keyed> => ({ title, name, kind, value, rank });
  return [
    ...keyColumns<CostSums & Keyed>(by),
    number("runs", "runs", "count", (sums) => sums.runs),
    {
      ...number("failed", "failures", "count", (sums) => sums.failures, 1),
      style: ({ failures }) => (failures > 0 ? "red" : null),
    },
    number("uncached in", "input_tokens", "count", (sums) => sums.inputTokens, 8),
    number("cache read", "cache_read_tokens", "count", (sums) => sums.cacheReadTokens, 9),
    number("cache write", "cache_creation_tokens", "count", (sums) => sums.cacheCreationTokens, 10),
    number("output", "output_tokens", "count", (sums) => sums.outputTokens, 7),
    number("hit", "cache_hit_share", "share", (sums) => sums.cacheHitShare, 2),
    {
      ...number("cost", "cost_usd", "usd", (sums) => sums.costNanoUsd),
      isLowerBound,
      style: ({ costNanoUsd }) => (costNanoUsd === null ? "yellow" : null),
    },
    {
      ...number("cost/run", "cost_per_run_usd", "usd", costPerRunNanoUsd, 4),
      isLowerBound,
    },
    number("p50", "p50_duration_ms", "ms", (sums) => sums.p50DurationMs, 6),
    number("p95", "p95_duration_ms", "ms", (sums) => sums.p95DurationMs, 3),
    {
      ...number("", "bar", "text", () => null),
      text: barDrawer(groups),
      style: () => "cyan",
      isDrawing: true,
      rank: isTimeUnit(by[0] ?? "") ? 1 : 5,
    },
  ];
}

function comparisonColumns(by: readonly string[]): Column<ComparedGroup>[] {
  const pair = (
    title: string,
    name: string,
    kind: Column<ComparedGroup>["kind"],
    value: (sums: CostSums) => number | null,
    rank: number,
  ): Column<ComparedGroup>[] => {
    const now = ({ current }: ComparedGroup): number | null => (current ? value(current) : 0);
    const before = ({ previous }: ComparedGroup): number | null => (previous ? value(previous) : 0);
    return [
      { title, name, kind, rank, value: now },
      { title: "before", name: `${name}_before`, kind, rank, value: before },
      {
        rank,
        title: "change",
        name: `${name}_change`,
        kind: "share",
        value: (row) => {
          const [from, to] = [before(row), now(row)];
          return from === null || to === null || from === 0 ? null : (to - from) / from;
        },
        text: (row) => formatChange(before(row), now(row)),
      },
    ];
  };
  return [
    ...keyColumns<ComparedGroup>(by),
    ...pair("runs", "runs", "count", (sums) => sums.runs, 1),
    ...pair("failed", "failures", "count", (sums) => sums.failures, 2),
    // No runs cost nothing; runs without a known cost may have cost anything.
    ...pair(
      "cost",
      "cost_usd",
      "usd",
      ({ costNanoUsd, runs }) => costNanoUsd ?? (runs === 0 ? 0 : null),
      0,
    ),
  ];
}

export function formatComparison(
  comparison: CostComparison,
  format: Format,
  terminal: Terminal,
): Text {
  const { groups, current, previous } = comparison;
  const { by } = current;
  if (format === "table" && groups.length === 0) return "No runs in either period.";
  const key = Object.fromEntries(by.map((name, index) => [name, index === 0 ? "total" : ""]));
  const total = {
    key,
    current: { key, ...current.total },
    previous: { key, ...previous.total },
  };
  const notes = current.notes.map(({ text }) => text);
  return formatRows(format, comparison, comparisonColumns(by), groups, terminal, { total, notes });
}
