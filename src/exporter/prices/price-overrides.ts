/**
 * The user's own prices, on top of the bundled ones:
 *
 *     {"models": {"claude-sonnet-4-5": {"inputUsdPerMtok": 3, "outputUsdPerMtok": 15,
 *       "cacheReadUsdPerMtok": 0.3, "cacheWriteUsdPerMtok": 3.75, "cacheWrite1hUsdPerMtok": 6,
 *       "webSearchUsd": 0.01}}}
 *
 * US dollars for a million tokens, and for one web search. A cache rate left out is that of the
 * input, that of one hour left out is that of five minutes; web searches left out cost nothing. A
 * model is named as on the span, or without its vendor, region, date and `[1m]`; `provider/model`
 * holds for that provider alone and beats the model's name.
 */
import { z } from "zod";
import { bareModelName } from "./model-name.ts";
import type { Price, PricedUsage, PriceSource } from "./price-source.ts";
import { attoUsdPerUnit, costNanoUsd, type ModelRates, type Rate } from "./rates.ts";

const usd = z.number().nonnegative().max(1_000_000);

const Overrides = z.strictObject({
  models: z.record(
    z.string(),
    z.strictObject({
      inputUsdPerMtok: usd,
      outputUsdPerMtok: usd,
      cacheReadUsdPerMtok: usd.optional(),
      cacheWriteUsdPerMtok: usd.optional(),
      cacheWrite1hUsdPerMtok: usd.optional(),
      webSearchUsd: usd.optional(),
    }),
  ),
});

type ModelOverride = z.infer<typeof Overrides>["models"][string];

/** Rates by the model's name in lower case. */
export type PriceOverrides = ReadonlyMap<string, ModelRates>;

/** @throws Error where the text is no such JSON; it names `source` and what is wrong where. */
export function loadPriceOverrides(jsonText: string, source: string): PriceOverrides {
  let json: unknown;
  try {
    json = JSON.parse(jsonText);
  } catch (cause) {
    throw new Error(`${source} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = Overrides.safeParse(json);
  if (!parsed.success) {
    throw new Error(`${source} does not hold prices:\n${z.prettifyError(parsed.error)}`);
  }
  const models = Object.entries(parsed.data.models);
  return new Map(models.map(([name, override]) => [name.toLowerCase(), modelRates(override)]));
}

/** The user's prices, and the others where the user has none. */
export class OverriddenPrices implements PriceSource {
  readonly #overrides: PriceOverrides;
  readonly #others: PriceSource;

  constructor(overrides: PriceOverrides, others: PriceSource) {
    this.#overrides = overrides;
    this.#others = others;
  }

  price(usage: PricedUsage, at: Date): Price | null {
    const rates = this.#rates(usage.provider, usage.model);
    const cost = rates === undefined ? null : costNanoUsd(usage, rates);
    if (cost === null) return this.#others.price(usage, at);
    return { costNanoUsd: cost, match: "override" };
  }

  #rates(provider: string | null, model: string | null): ModelRates | undefined {
    if (model === null) return undefined;
    const name = model.toLowerCase();
    const names = [name, bareModelName(name)];
    const keys =
      provider === null
        ? names
        : [...names.map((it) => `${provider.toLowerCase()}/${it}`), ...names];
    for (const key of keys) {
      const rates = this.#overrides.get(key);
      if (rates !== undefined) return rates;
    }
    return undefined;
  }
}

function modelRates(override: ModelOverride): ModelRates {
  const input = rate(override.inputUsdPerMtok, 1_000_000);
  const cacheWrite = rate(override.cacheWriteUsdPerMtok, 1_000_000) ?? input;
  return {
    input,
    cacheRead: rate(override.cacheReadUsdPerMtok, 1_000_000) ?? input,
    cacheWrite,
    cacheWrite1h: rate(override.cacheWrite1hUsdPerMtok, 1_000_000) ?? cacheWrite,
    output: rate(override.outputUsdPerMtok, 1_000_000),
    webSearch: rate(override.webSearchUsd ?? 0, 1),
    request: null,
  };
}

function rate(price: number | undefined, units: number): Rate | null {
  return price === undefined ? null : { baseAttoUsd: attoUsdPerUnit(price, units), tiers: [] };
}
