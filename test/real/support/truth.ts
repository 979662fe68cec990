/** What was served, in the terms of the database: tokens and list prices in integer nano-dollars. */
import type { ServedCall } from "./messages-api.ts";

export interface Totals {
  input: number;
  output: number;
  cacheRead: number;
  cacheCreation: number;
  cacheCreation5m: number;
  cacheCreation1h: number;
  costNanoUsd: number;
}

interface Price {
  input: number;
  cacheRead: number;
  output: number;
}

/** Nano-dollars a token, as the price lists say for these models. */
const PRICES: Record<string, Price> = {
  "claude-sonnet-4-5": { input: 3_000, cacheRead: 300, output: 15_000 },
  "claude-haiku-4-5": { input: 1_000, cacheRead: 100, output: 5_000 },
  "gemini-2.5-pro": { input: 1_250, cacheRead: 125, output: 10_000 },
  "gpt-4o": { input: 2_500, cacheRead: 1_250, output: 10_000 },
};

function priceOf(model: string): Price {
  const price = PRICES[model];
  if (!price) throw new Error(`The price of ${model} is not known to this test.`);
  return price;
}

/** Cached input is written at 1.25 (five minutes) and 2 (an hour) of the input's price. */
export function servedTotals(calls: readonly ServedCall[]): Totals {
  const totals: Totals = {
    input: 0,
    output: 0,
    cacheRead: 0,
    cacheCreation: 0,
    cacheCreation5m: 0,
    cacheCreation1h: 0,
    costNanoUsd: 0,
  };
  for (const { usage, model } of calls) {
    if (!usage) continue;
    const price = priceOf(model);
    totals.input += usage.inputTokens;
    totals.output += usage.outputTokens;
    totals.cacheRead += usage.cacheReadTokens;
    totals.cacheCreation5m += usage.cacheCreation5mTokens;
    totals.cacheCreation1h += usage.cacheCreation1hTokens;
    totals.cacheCreation += usage.cacheCreation5mTokens + usage.cacheCreation1hTokens;
    totals.costNanoUsd +=
      usage.inputTokens * price.input +
      usage.outputTokens * price.output +
      usage.cacheReadTokens * price.cacheRead +
      usage.cacheCreation5mTokens * price.input * 1.25 +
      usage.cacheCreation1hTokens * price.input * 2;
  }
  return totals;
}
