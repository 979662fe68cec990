/**
 * Prices from the data that `@pydantic/genai-prices` brings along; nothing is fetched. That library
 * finds the model's price, which is slow and the same all day long; the arithmetic is done here.
 */
import type { MatchLogic, ModelInfo, TieredPrices } from "@pydantic/genai-prices";
import { isSameModel, withoutContextSize } from "./model-name.ts";
import type { Price, PricedUsage, PriceMatch, PriceSource } from "./price-source.ts";
import { attoUsdPerUnit, callsMatter, costNanoUsd, type ModelRates, type Rate } from "./rates.ts";

/** Providers as instrumentations spell them, where the price data does not know the spelling. */
const PROVIDER_IDS: Readonly<Record<string, string>> = {
  "azure.ai.inference": "azure",
  "azure.ai.openai": "azure",
  "az.ai.inference": "azure",
  "az.ai.openai": "azure",
  "gcp.vertex.agent": "google",
  "gcp.gen_ai": "google",
  x_ai: "x-ai",
  moonshot_ai: "moonshotai",
  z_ai: "zai",
};

/** Loaded with the first price that is asked for: a host's own thread, in most lives, asks for none. */
function genaiPrices(): typeof import("@pydantic/genai-prices") {
  return require("@pydantic/genai-prices");
}

interface Quote {
  rates: ModelRates;
  match: PriceMatch;
  /** False where the model costs something else at another time of the day. */
  holdsAllDay: boolean;
}

type PriceKeys = Readonly<Record<string, number | TieredPrices | undefined>>;

/** Names come from spans, so their number has no end. */
const MAX_CACHED_QUOTES = 2_000;
const MAX_NAME_LENGTH = 200;

export class BundledPrices implements PriceSource {
  readonly #quotes = new Map<string, Quote | null>();

  price(usage: PricedUsage, at: Date): Price | null {
    const { provider, model } = usage;
    if (model === null || Number.isNaN(at.getTime())) return null;
    if (model.length + (provider?.length ?? 0) > MAX_NAME_LENGTH) return null;
    const quote = this.#quote(provider, model, at);
    if (quote === null) return null;
    const cost = costNanoUsd(usage, quote.rates);
    if (cost === null) return null;
    const leftOut = usage.webSearchRequests > 0 && quote.rates.webSearch === null;
    const guessed = leftOut || callsMatter(usage, quote.rates);
    return { costNanoUsd: cost, match: guessed ? "approx" : quote.match };
  }

  #quote(provider: string | null, model: string, at: Date): Quote | null {
    const day = Math.floor(at.getTime() / 86_400_000);
    const key = `${provider ?? ""}\n${model}\n${day}`;
    const cached = this.#quotes.get(key);
    if (cached !== undefined) return cached;
    const quote = findQuote(provider, model, at);
    if (quote === null || quote.holdsAllDay) {
      if (this.#quotes.size >= MAX_CACHED_QUOTES) this.#quotes.clear();
      this.#quotes.set(key, quote);
    }
    return quote;
  }
}

/** The stated provider's price; where that one is unknown, the maker's, which is a guess. */
function findQuote(provider: string | null, model: string, at: Date): Quote | null {
  const names = candidateNames(model);
  if (provider !== null) {
    const providerId = PROVIDER_IDS[provider.toLowerCase()] ?? provider;
    for (const name of names) {
      const quote = lookUp(name, model, at, providerId);
      if (quote !== null) return quote;
    }
  }
  for (const name of names) {
    const quote = lookUp(name, model, at, undefined);
    if (quote !== null) return provider === null ? quote : { ...quote, match: "approx" };
  }
  return null;
}

/** The name as it came, then without its context size, then without the vendor's path before it. */
function candidateNames(model: string): string[] {
  const plain = withoutContextSize(model.trim().toLowerCase());
  return [...new Set([model, plain, plain.slice(plain.lastIndexOf("/") + 1)])];
}

function lookUp(
  name: string,
  model: string,
  timestamp: Date,
  providerId: string | undefined,
): Quote | null {
  const options = providerId === undefined ? { timestamp } : { timestamp, providerId };
  const found = genaiPrices().calcPrice({}, name, options);
  if (found === null) return null;
  return {
    rates: modelRates(found.model_price),
    match: namesModel(model, found.model) ? "exact" : "approx",
    holdsAllDay: !variesWithinDay(found.model),
  };
}

/** The data match by prefix, and so take a newer model for its forerunner: `x-5-5` for `x-5`. */
function namesModel(name: string, model: ModelInfo): boolean {
  return isSameModel(name, model.id) || literals(model.match).some((it) => isSameModel(name, it));
}

function literals(match: MatchLogic): string[] {
  if ("or" in match) return match.or.flatMap(literals);
  if ("and" in match) return match.and.flatMap(literals);
  if ("equals" in match) return [match.equals];
  if ("starts_with" in match) return [match.starts_with];
  if ("contains" in match) return [match.contains];
  return [];
}

function variesWithinDay(model: ModelInfo): boolean {
  return (
    Array.isArray(model.prices) &&
    model.prices.some(({ constraint }) => constraint?.type === "time_of_date")
  );
}

/** A kind without a price of its own costs what the wider kind costs, as in `calcPrice`. */
function modelRates(prices: PriceKeys): ModelRates {
  const input = rate(prices["input_mtok"], 1_000_000);
  const cacheWrite = rate(prices["cache_write_mtok"], 1_000_000) ?? input;
  return {
    input,
    cacheRead: rate(prices["cache_read_mtok"], 1_000_000) ?? input,
    cacheWrite,
    cacheWrite1h: rate(prices["cache_write_1h_mtok"], 1_000_000) ?? cacheWrite,
    output: rate(prices["output_mtok"], 1_000_000),
    webSearch: rate(prices["web_searches_kcount"], 1_000),
    request: rate(prices["requests_kcount"], 1_000),
  };
}

function rate(price: number | TieredPrices | undefined, units: number): Rate | null {
  if (price === undefined) return null;
  if (typeof price === "number") return { baseAttoUsd: attoUsdPerUnit(price, units), tiers: [] };
  const tiers = price.tiers.map(({ start, price: usd }) => ({
    aboveTokens: start,
    attoUsd: attoUsdPerUnit(usd, units),
  }));
  return {
    baseAttoUsd: attoUsdPerUnit(price.base, units),
    tiers: tiers.sort((a, b) => a.aboveTokens - b.aboveTokens),
  };
}
