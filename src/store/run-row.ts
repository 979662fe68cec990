import type { ExecutionFacts, ModelUsageFacts, UsageFactsQuality } from "./rows.ts";
import type { Settlement, TraceNode } from "./settle.ts";

/** A row of `executions`, but for its ids. */
export interface RunRow extends ExecutionFacts {
  inputTokens: number | null;
  outputTokens: number | null;
  cacheReadTokens: number | null;
  cacheCreationTokens: number | null;
  costNanoUsd: number | null;
  costSource: "reported" | "estimated" | "none";
  /** Counted usage without any cost. */
  unpriced: number;
  endedMs: number;
  durationMs: number;
}

/** Adds what is known; null stays null until something is. */
function sum(total: number | null, part: number | null): number | null {
  return part === null ? total : (total ?? 0) + part;
}

function addModel(row: RunRow, usage: ModelUsageFacts): void {
  row.inputTokens = sum(row.inputTokens, usage.inputTokens);
  row.outputTokens = sum(row.outputTokens, usage.outputTokens);
  row.cacheReadTokens = sum(row.cacheReadTokens, usage.cacheReadTokens);
  row.cacheCreationTokens = sum(row.cacheCreationTokens, usage.cacheCreationTokens);
  const cost = usage.reportedCostNanoUsd ?? usage.computedCostNanoUsd;
  row.costNanoUsd = sum(row.costNanoUsd, cost);
  if (cost === null) row.unpriced += 1;
  else if (usage.reportedCostNanoUsd === null) row.costSource = "estimated";
  else if (row.costSource === "none") row.costSource = "reported";
}

/** The model that cost the most, or that was sent the most: what a run is shown under. */
function mainUsage(usages: readonly ModelUsageFacts[]): ModelUsageFacts | undefined {
  const weight = (usage: ModelUsageFacts): number =>
    (usage.reportedCostNanoUsd ?? usage.computedCostNanoUsd ?? 0) +
    (usage.inputTokens ?? 0) +
    (usage.outputTokens ?? 0);
  let main: ModelUsageFacts | undefined;
  for (const usage of usages) if (!main || weight(usage) > weight(main)) main = usage;
  return main;
}

/** An executor may return little: what it left open, the executions within it say (the last one best). */
function fillFromNested(row: RunRow, nested: readonly ExecutionFacts[]): void {
  const turnsUnknown = row.numTurns === null;
  for (const facts of nested) {
    row.sessionId ??= facts.sessionId;
    row.stopReason ??= facts.stopReason;
    row.provider ??= facts.provider;
    row.model ??= facts.model;
    // `_OTHER` is what the conventions call an error without a name of its own.
    if (row.errorType === "_OTHER") row.errorType = facts.errorType ?? row.errorType;
    if (turnsUnknown) row.numTurns = sum(row.numTurns, facts.numTurns);
  }
}

const QUALITY_RANK: readonly UsageFactsQuality[] = ["exact", "lower_bound", "unknown_base"];

function worse(a: UsageFactsQuality, b: UsageFactsQuality): UsageFactsQuality {
  return QUALITY_RANK.indexOf(a) >= QUALITY_RANK.indexOf(b) ? a : b;
}

/** The row of `run`, with all the counted usage of the spans that belong to it. */
export function runRow(
  run: TraceNode,
  members: readonly TraceNode[],
  settlement: Settlement,
  facts: ExecutionFacts,
): RunRow {
  const row: RunRow = {
    ...facts,
    inputTokens: null,
    outputTokens: null,
    cacheReadTokens: null,
    cacheCreationTokens: null,
    costNanoUsd: null,
    costSource: "none",
    unpriced: 0,
    endedMs: run.endMs,
    durationMs: facts.durationMs ?? run.durationMs,
  };
  const counted: ModelUsageFacts[] = [];
  const nested: TraceNode[] = [];
  for (const member of members) {
    if (member.execution && member !== run) {
      nested.push(member);
      row.usageQuality = worse(row.usageQuality, member.execution.usageQuality);
    }
    if (!member.usage) continue;
    if (settlement.counted.has(member.spanId)) counted.push(...member.usage.models);
    else if (member.usage.quality !== "unknown_base") continue;
    row.usageQuality = worse(row.usageQuality, member.usage.quality);
  }
  for (const usage of counted) addModel(row, usage);
  if (counted.length === 0) row.usageQuality = worse(row.usageQuality, "lower_bound");
  nested.sort((a, b) => b.endMs - a.endMs || (a.spanId < b.spanId ? -1 : 1));
  fillFromNested(
    row,
    nested.flatMap((node) => node.execution ?? []),
  );
  const main = mainUsage(counted);
  row.model ??= main?.model ?? null;
  row.provider ??= main?.provider ?? null;
  return row;
}
