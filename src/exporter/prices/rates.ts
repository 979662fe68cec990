/** Exact arithmetic on prices: whole atto-dollars (1e-18), so that no sum of tokens is ever rounded. */
import type { PricedUsage } from "./price-source.ts";

/** What one unit costs, in atto-dollars; above a context of so many tokens, another price. */
export interface Rate {
  baseAttoUsd: bigint;
  /** By `aboveTokens`, ascending. The last one that the context exceeds holds for all its tokens. */
  tiers: readonly { aboveTokens: number; attoUsd: bigint }[];
}

export interface ModelRates {
  /** Null: this model has no price a token of that kind. */
  input: Rate | null;
  cacheRead: Rate | null;
  cacheWrite: Rate | null;
  cacheWrite1h: Rate | null;
  output: Rate | null;
  webSearch: Rate | null;
  request: Rate | null;
}

const ATTO_USD_PER_NANO_USD = 1_000_000_000n;
/** Prices are decimals of a few places, or thirds and twelfths: a float's error lies beyond these. */
const PRICE_SCALE = 1e12;
const ATTO_USD_PER_SCALED_USD = 1_000_000n;

/** The atto-dollars of one unit, where `units` of them cost `usd`. `units` divides 1e6. */
export function attoUsdPerUnit(usd: number, units: number): bigint {
  return (BigInt(Math.round(usd * PRICE_SCALE)) * ATTO_USD_PER_SCALED_USD) / BigInt(units);
}

/** The cost in nano-dollars, rounded half up; null where something used has no price at all. */
export function costNanoUsd(usage: PricedUsage, rates: ModelRates): number | null {
  const contextTokens = usage.singleCall ? totalInputTokens(usage) : 0;
  const cacheCreation1hTokens = Math.min(usage.cacheCreation1hTokens, usage.cacheCreationTokens);
  const cacheCreation5mTokens = usage.cacheCreationTokens - cacheCreation1hTokens;
  const input = attoUsdOf(usage.inputTokens, rates.input, contextTokens);
  const cacheRead = attoUsdOf(usage.cacheReadTokens, rates.cacheRead, contextTokens);
  const cacheWrite = attoUsdOf(cacheCreation5mTokens, rates.cacheWrite, contextTokens);
  const cacheWrite1h = attoUsdOf(cacheCreation1hTokens, rates.cacheWrite1h, contextTokens);
  const output = attoUsdOf(usage.outputTokens, rates.output, contextTokens);
  if (input === null || cacheRead === null || cacheWrite === null) return null;
  if (cacheWrite1h === null || output === null) return null;
  const webSearches = BigInt(usage.webSearchRequests) * (rates.webSearch?.baseAttoUsd ?? 0n);
  const tokens = input + cacheRead + cacheWrite + cacheWrite1h + output;
  const attoUsd = tokens + webSearches + (rates.request?.baseAttoUsd ?? 0n);
  const nanoUsd = Number((attoUsd + ATTO_USD_PER_NANO_USD / 2n) / ATTO_USD_PER_NANO_USD);
  return Math.min(nanoUsd, Number.MAX_SAFE_INTEGER);
}

/** Null where `units` were used that have no price. */
function attoUsdOf(units: number, rate: Rate | null, contextTokens: number): bigint | null {
  if (units === 0) return 0n;
  return rate === null ? null : BigInt(units) * attoUsdAt(rate, contextTokens);
}

/** Whether the cost of a sum over calls depends on how many there were, or how long each was. */
export function callsMatter(usage: PricedUsage, rates: ModelRates): boolean {
  if (usage.singleCall) return false;
  const contextTokens = totalInputTokens(usage);
  const isTiered = Object.values(rates).some(
    (rate: Rate | null) => rate?.tiers.some((tier) => contextTokens > tier.aboveTokens) ?? false,
  );
  return isTiered || rates.request !== null;
}

function attoUsdAt(rate: Rate, contextTokens: number): bigint {
  let attoUsd = rate.baseAttoUsd;
  for (const tier of rate.tiers) if (contextTokens > tier.aboveTokens) attoUsd = tier.attoUsd;
  return attoUsd;
}

function totalInputTokens(usage: PricedUsage): number {
  return usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens;
}
