/**
 * The Agent SDK's own account of a run. Its results carry totals that run on over a session, over
 * the turns of one query and over processes that resume it; what a result added is the difference.
 * Money is counted in whole nano-dollars, so that differences are exact.
 */
import type { UsageQuality } from "../attributes.ts";
import type { ModelUsage } from "../execution.ts";
import { amountOf, countOf, type Fields, fieldsOf, nanoUsdOf, textOf } from "../values.ts";
import { providerName } from "./provider-names.ts";

const COUNTERS = [
  "inputTokens",
  "outputTokens",
  "cacheReadTokens",
  "cacheCreationTokens",
  "cacheCreation5mTokens",
  "cacheCreation1hTokens",
  "reasoningTokens",
  "webSearchRequests",
  "costNanoUsd",
] as const;

type Counter = (typeof COUNTERS)[number];

/** One entry of `modelUsage`. A counter that the SDK did not give is absent. */
interface ModelTotals extends Partial<Record<Counter, number>> {
  model: string;
  provider: string;
  costBasis: string | undefined;
}

/** Running totals by the SDK's own key for a model, which may be an alias. */
export type Totals = ReadonlyMap<string, ModelTotals>;

export const NO_TOTALS: Totals = new Map();

export interface Ledger {
  /** What the result added, one entry a model and provider; models that added nothing are left out. */
  entries: ModelUsage[];
  quality: UsageQuality;
  /** The model of the main conversation, resolved from aliases. */
  model: string | undefined;
}

/** The `modelUsage` of a result, or undefined where there is none to read. */
export function totalsOf(modelUsage: unknown): Totals | undefined {
  const byModel = fieldsOf(modelUsage);
  if (byModel === undefined || Array.isArray(modelUsage)) return undefined;
  const totals = new Map<string, ModelTotals>();
  for (const [key, value] of Object.entries(byModel)) {
    const usage = fieldsOf(value);
    if (usage !== undefined) totals.set(key, accountOf(key, usage));
  }
  return totals;
}

/**
 * The totals of a result without `modelUsage`: its `usage`, which is the main loop's alone and of
 * this turn alone, and what the session has cost so far.
 */
export function mainLoopTotals(result: Fields, model: string): Totals | undefined {
  const usage = fieldsOf(result["usage"]);
  if (usage === undefined && amountOf(result["total_cost_usd"]) === undefined) return undefined;
  return new Map([
    [
      model,
      accountOf(model, {
        inputTokens: usage?.["input_tokens"],
        outputTokens: usage?.["output_tokens"],
        cacheReadInputTokens: usage?.["cache_read_input_tokens"],
        cacheCreationInputTokens: usage?.["cache_creation_input_tokens"],
        costUSD: result["total_cost_usd"],
      }),
    ],
  ]);
}

/** Whether nothing is counted: no model, or only zeros, as a crashed run reports. */
export function isEmpty(totals: Totals): boolean {
  return [...totals.values()].every(isUnused);
}

/** What was added to a running total; a total that fell anywhere has been reset and stands alone. */
export function difference(totals: Totals, base: Totals): Totals {
  if (hasFallen(totals, base)) return totals;
  return new Map([...totals].map(([key, account]) => [key, subtract(account, base.get(key))]));
}

/** Totals as usage: one entry a model and provider, none for a model without any use. */
export function usageOf(totals: Totals): ModelUsage[] {
  const merged = new Map<string, ModelTotals>();
  for (const account of totals.values()) {
    if (isUnused(account)) continue;
    const key = `${account.provider} ${account.model}`;
    const other = merged.get(key);
    merged.set(key, other === undefined ? account : add(other, account));
  }
  return [...merged.values()].map(({ costNanoUsd, ...account }) => ({
    ...account,
    inputTokens: account.inputTokens ?? 0,
    outputTokens: account.outputTokens ?? 0,
    cacheReadTokens: account.cacheReadTokens ?? 0,
    cacheCreationTokens: account.cacheCreationTokens ?? 0,
    ...(costNanoUsd === undefined ? {} : { costUsd: costNanoUsd / 1e9 }),
  }));
}

function isUnused(account: ModelTotals): boolean {
  return COUNTERS.every((counter) => (account[counter] ?? 0) === 0);
}

function accountOf(key: string, usage: Fields): ModelTotals {
  const counters: Record<Counter, number | undefined> = {
    inputTokens: countOf(usage["inputTokens"]),
    outputTokens: countOf(usage["outputTokens"]),
    cacheReadTokens: countOf(usage["cacheReadInputTokens"]),
    cacheCreationTokens: countOf(usage["cacheCreationInputTokens"]),
    cacheCreation5mTokens: countOf(usage["cacheCreationEphemeral5mInputTokens"]),
    cacheCreation1hTokens: countOf(usage["cacheCreationEphemeral1hInputTokens"]),
    reasoningTokens: countOf(usage["thinkingTokens"]),
    webSearchRequests: countOf(usage["webSearchRequests"]),
    costNanoUsd: nanoUsdOf(usage["costUSD"]),
  };
  const account: ModelTotals = {
    model: textOf(usage["canonicalModel"]) ?? key,
    provider: providerName(usage["provider"]),
    costBasis: textOf(usage["costBasis"]),
  };
  for (const counter of COUNTERS) {
    const value = counters[counter];
    if (value !== undefined) account[counter] = value;
  }
  return account;
}

function hasFallen(totals: Totals, base: Totals): boolean {
  for (const [key, before] of base) {
    const now = totals.get(key);
    if (COUNTERS.some((counter) => (now?.[counter] ?? 0) < (before[counter] ?? 0))) return true;
  }
  return false;
}

function subtract(account: ModelTotals, base: ModelTotals | undefined): ModelTotals {
  return combine(account, base, (now, before) => now - before);
}

function add(one: ModelTotals, other: ModelTotals): ModelTotals {
  const costBasis = one.costBasis === other.costBasis ? one.costBasis : "unknown";
  return { ...combine(one, other, (a, b) => a + b), costBasis };
}

function combine(
  account: ModelTotals,
  other: ModelTotals | undefined,
  operation: (a: number, b: number) => number,
): ModelTotals {
  const result = { ...account };
  for (const counter of COUNTERS) {
    if (account[counter] === undefined && other?.[counter] === undefined) continue;
    result[counter] = operation(account[counter] ?? 0, other?.[counter] ?? 0);
  }
  return result;
}
