/** Which of two spans tells better of a call that both tell of. */
import type { UsageFacts } from "./rows.ts";

function cachedTokens(usage: UsageFacts): number {
  let total = 0;
  for (const { cacheReadTokens, cacheCreationTokens } of usage.models) {
    total += (cacheReadTokens ?? 0) + (cacheCreationTokens ?? 0);
  }
  return total;
}

function totalTokens(usage: UsageFacts): number {
  let total = cachedTokens(usage);
  for (const { inputTokens, outputTokens } of usage.models) {
    total += (inputTokens ?? 0) + (outputTokens ?? 0);
  }
  return total;
}

function reportsCost(usage: UsageFacts): boolean {
  return usage.models.some((model) => model.reportedCostNanoUsd !== null);
}

/** Above 0 where `a` tells of a call better than `b`: priced, fuller, more of it cached, with an id. */
export function compareUsage(a: UsageFacts, b: UsageFacts): number {
  return (
    Number(reportsCost(a)) - Number(reportsCost(b)) ||
    totalTokens(a) - totalTokens(b) ||
    cachedTokens(a) - cachedTokens(b) ||
    Number(a.responseId !== null) - Number(b.responseId !== null)
  );
}
