/** Usage as span attributes: Anthropic's uncached input becomes the conventions' whole input here. */
import type { Attributes } from "@opentelemetry/api";
import {
  ATTR_CACHE_WRITE_1H_TOKENS,
  ATTR_CACHE_WRITE_5M_TOKENS,
  ATTR_COST_BASIS,
  ATTR_COST_USD,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
  ATTR_WEB_SEARCH_REQUESTS,
} from "./attributes.ts";
import type { ModelUsage } from "./execution.ts";
import { amountOf, countOf, nanoUsdOf, textOf } from "./values.ts";

/** Any part may be unknown; an unknown part sets no attribute. */
export type Usage = { [K in keyof Omit<ModelUsage, "model" | "provider">]?: unknown };

export function usageAttributes(usage: Usage): Attributes {
  const uncached = countOf(usage.inputTokens);
  const cacheRead = countOf(usage.cacheReadTokens);
  const cacheWrite = countOf(usage.cacheCreationTokens);
  const costNanoUsd = nanoUsdOf(usage.costUsd);
  return defined({
    [ATTR_GEN_AI_USAGE_INPUT_TOKENS]:
      uncached === undefined ? undefined : uncached + (cacheRead ?? 0) + (cacheWrite ?? 0),
    [ATTR_GEN_AI_USAGE_OUTPUT_TOKENS]: countOf(usage.outputTokens),
    [ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS]: cacheRead,
    [ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS]: cacheWrite,
    [ATTR_CACHE_WRITE_5M_TOKENS]: countOf(usage.cacheCreation5mTokens),
    [ATTR_CACHE_WRITE_1H_TOKENS]: countOf(usage.cacheCreation1hTokens),
    [ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS]: countOf(usage.reasoningTokens),
    [ATTR_WEB_SEARCH_REQUESTS]: countOf(usage.webSearchRequests),
    [ATTR_COST_USD]: costNanoUsd === undefined ? undefined : costNanoUsd / 1e9,
    [ATTR_COST_BASIS]: textOf(usage.costBasis),
  });
}

/** The attributes of one model's usage event. */
export function modelUsageAttributes(usage: ModelUsage): Attributes {
  return {
    ...defined({
      [ATTR_GEN_AI_RESPONSE_MODEL]: textOf(usage.model),
      [ATTR_GEN_AI_PROVIDER_NAME]: textOf(usage.provider),
    }),
    ...usageAttributes(usage),
  };
}

/** All models together. The cost is known only where every model's is. */
export function totalUsage(entries: readonly ModelUsage[]): Usage {
  const sum = (field: keyof Usage): number | undefined => {
    const known = entries.map((entry) => amountOf(entry[field])).filter((n) => n !== undefined);
    return known.length === 0 ? undefined : known.reduce((a, b) => a + b);
  };
  const costKnown = entries.every((entry) => amountOf(entry.costUsd) !== undefined);
  return {
    inputTokens: sum("inputTokens"),
    outputTokens: sum("outputTokens"),
    cacheReadTokens: sum("cacheReadTokens"),
    cacheCreationTokens: sum("cacheCreationTokens"),
    cacheCreation5mTokens: sum("cacheCreation5mTokens"),
    cacheCreation1hTokens: sum("cacheCreation1hTokens"),
    reasoningTokens: sum("reasoningTokens"),
    webSearchRequests: sum("webSearchRequests"),
    costUsd: costKnown ? sum("costUsd") : undefined,
  };
}

export function defined(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
