/**
 * A cost report made by the plainest code there is: one pass over everything that was ever written, the
 * calendar of `Intl`, no SQL and no totals. The real one is held to it.
 */
import type { CostQuery } from "../../src/report/cost-report.ts";
import type { Dimension } from "../../src/report/dimensions.ts";

export interface PlainUse {
  provider: string | null;
  model: string | null;
  inputTokens: number | null;
  cacheReadTokens: number | null;
  cacheCreationTokens: number | null;
  outputTokens: number | null;
  reasoningTokens: number | null;
  reportedCostNanoUsd: number | null;
  computedCostNanoUsd: number | null;
}

/** A run with what it used, or a call outside any run. */
export interface PlainWork {
  id: number;
  isRun: boolean;
  endMs: number;
  durationMs: number;
  repo: string | null;
  pr: string | null;
  event: string | null;
  agent: string | null;
  session: string | null;
  conclusion: "success" | "failure" | "error";
  attributes: Readonly<Record<string, string | number | boolean>>;
  /** As configured: what a run without usage stands under. */
  provider: string | null;
  model: string | null;
  uses: PlainUse[];
  /** Purged work knows its day of UTC, and neither pull request, session, conclusion nor attributes. */
  isPurged: boolean;
}

export interface PlainSums {
  runs: number;
  failures: number;
  inputTokens: number;
  cacheReadTokens: number;
  cacheCreationTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  costNanoUsd: number | null;
  estimatedNanoUsd: number;
  unpriced: number;
  /** Of its runs; null where some are purged. */
  durationsMs: number[] | null;
}

const DAY_MS = 86_400_000;
const LOST: readonly string[] = ["pr", "session", "conclusion", "hour"];

function wallClock(ms: number, timeZone: string): string {
  const options = { timeZone, dateStyle: "short", timeStyle: "short" } as const;
  return new Intl.DateTimeFormat("sv-SE", options).format(ms);
}

function timeOf(unit: string, ms: number, timeZone: string): string {
  const text = wallClock(ms, timeZone);
  if (unit === "hour") return `${text.slice(0, 13)}:00`;
  if (unit === "day") return text.slice(0, 10);
  if (unit === "month") return text.slice(0, 7);
  const day = new Date(`${text.slice(0, 10)}T12:00:00Z`);
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  return day.toISOString().slice(0, 10);
}

type Line = Pick<PlainUse, "provider" | "model">;

function keyValue(name: Dimension, work: PlainWork, line: Line, timeZone: string): string | null {
  if (work.isPurged && (LOST.includes(name) || name.startsWith("attr:"))) return null;
  if (name === "model" || name === "provider") return line[name];
  if (["hour", "day", "week", "month"].includes(name)) {
    return timeOf(name, work.endMs, work.isPurged ? "UTC" : timeZone);
  }
  if (!work.isRun) return null;
  if (name.startsWith("attr:")) {
    const value = work.attributes[name.slice(5)];
    return value === undefined ? null : String(value);
  }
  return work[name as "repo" | "pr" | "event" | "agent" | "session" | "conclusion"];
}

function isWithin({ since, until }: CostQuery, { endMs, isPurged }: PlainWork): boolean {
  const ms = isPurged ? Math.floor(endMs / DAY_MS) * DAY_MS : endMs;
  return ms >= Number(since ?? Number.NEGATIVE_INFINITY) && ms < Number(until ?? 9e15);
}

export function emptySums(): PlainSums {
  return {
    ...{ runs: 0, failures: 0, inputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 },
    ...{ outputTokens: 0, reasoningTokens: 0, costNanoUsd: null, estimatedNanoUsd: 0, unpriced: 0 },
    durationsMs: [],
  };
}

function addUse(sums: PlainSums, use: PlainUse): void {
  sums.inputTokens += use.inputTokens ?? 0;
  sums.cacheReadTokens += use.cacheReadTokens ?? 0;
  sums.cacheCreationTokens += use.cacheCreationTokens ?? 0;
  sums.outputTokens += use.outputTokens ?? 0;
  sums.reasoningTokens += use.reasoningTokens ?? 0;
  const cost = use.reportedCostNanoUsd ?? use.computedCostNanoUsd;
  if (cost === null) sums.unpriced += 1;
  else sums.costNanoUsd = (sums.costNanoUsd ?? 0) + cost;
  if (use.reportedCostNanoUsd === null) sums.estimatedNanoUsd += use.computedCostNanoUsd ?? 0;
}

function addRun(sums: PlainSums, { conclusion, durationMs, isPurged }: PlainWork): void {
  sums.runs += 1;
  if (conclusion !== "success") sums.failures += 1;
  if (isPurged) sums.durationsMs = null;
  else sums.durationsMs?.push(durationMs);
}

/** What several groups add up to. */
export function mergeSums(groups: readonly PlainSums[]): PlainSums {
  const merged = emptySums();
  for (const { costNanoUsd, durationsMs, ...counts } of groups) {
    for (const [name, count] of Object.entries(counts))
      merged[name as keyof typeof counts] += count;
    if (costNanoUsd !== null) merged.costNanoUsd = (merged.costNanoUsd ?? 0) + costNanoUsd;
    merged.durationsMs = merged.durationsMs &&
      durationsMs && [...merged.durationsMs, ...durationsMs];
  }
  return merged;
}

/** By model a run counts once for each of its models and providers, by provider once for each provider. */
function partOf(names: readonly Dimension[], { provider, model }: Line): string {
  if (names.includes("model")) return JSON.stringify([provider, model]);
  return names.includes("provider") ? JSON.stringify(provider) : "";
}

/** The sums of each group, by the JSON text of its key. */
export function plainReport(all: readonly PlainWork[], query: CostQuery): Map<string, PlainSums> {
  const { by = [], where = [], tz = "UTC" } = query;
  const names = [...by, ...where.map(([name]) => name)];
  const groups = new Map<string, PlainSums>();
  for (const work of all) {
    if (!isWithin(query, work)) continue;
    const seen = new Set<string>();
    const lines: (Line | PlainUse)[] = work.uses.length > 0 ? work.uses : work.isRun ? [work] : [];
    for (const line of lines) {
      const value = (name: Dimension): string | null => keyValue(name, work, line, tz);
      if (where.some(([name, wanted]) => value(name) !== wanted)) continue;
      const key = JSON.stringify(by.map(value));
      const sums = groups.get(key) ?? emptySums();
      groups.set(key, sums);
      if (work.uses.length > 0) addUse(sums, line as PlainUse);
      const part = partOf(names, line);
      if (work.isRun && !seen.has(part)) addRun(sums, work);
      seen.add(part);
    }
  }
  return groups;
}
