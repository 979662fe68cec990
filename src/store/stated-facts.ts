/** Most executions, and most uses of a model, say little of themselves: only what they say is stored. */
import type { ExecutionFacts, ModelUsageFacts } from "./rows.ts";

const SILENT_EXECUTION: ExecutionFacts = {
  nested: false,
  agentName: null,
  deliveryId: null,
  repo: null,
  prNumber: null,
  eventType: null,
  provider: null,
  model: null,
  sessionId: null,
  numTurns: null,
  stopReason: null,
  conclusion: "success",
  errorType: null,
  durationMs: null,
  usageQuality: "exact",
  attributes: null,
};

const SILENT_USAGE: ModelUsageFacts = {
  provider: null,
  model: null,
  inputTokens: null,
  cacheReadTokens: null,
  cacheCreationTokens: null,
  cacheCreation5mTokens: null,
  cacheCreation1hTokens: null,
  outputTokens: null,
  reasoningTokens: null,
  webSearchRequests: null,
  reportedCostNanoUsd: null,
  costBasis: null,
  computedCostNanoUsd: null,
  priceMatch: null,
};

const EXECUTION_NAMES = Object.keys(SILENT_EXECUTION) as (keyof ExecutionFacts)[];
const USAGE_NAMES = Object.keys(SILENT_USAGE) as (keyof ModelUsageFacts)[];

function stated<T extends object>(facts: T, silent: T, names: readonly (keyof T)[]): Partial<T> {
  const said: Partial<T> = {};
  for (const name of names) if (facts[name] !== silent[name]) said[name] = facts[name];
  return said;
}

export function statedExecution(facts: ExecutionFacts): Partial<ExecutionFacts> {
  return stated(facts, SILENT_EXECUTION, EXECUTION_NAMES);
}

export function wholeExecution(facts: Partial<ExecutionFacts>): ExecutionFacts {
  return { ...SILENT_EXECUTION, ...facts };
}

export function statedUsage(facts: ModelUsageFacts): Partial<ModelUsageFacts> {
  return stated(facts, SILENT_USAGE, USAGE_NAMES);
}

export function wholeUsage(facts: Partial<ModelUsageFacts>): ModelUsageFacts {
  return { ...SILENT_USAGE, ...facts };
}
