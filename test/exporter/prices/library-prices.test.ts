/** Every price against the one that the library itself computes, for all that its data hold. */
import { expect, test } from "bun:test";
import { calcPrice, findProvider, type ModelInfo, type Provider } from "@pydantic/genai-prices";
import fc from "fast-check";
import { BundledPrices } from "../../../src/exporter/prices/bundled-prices.ts";
import type { PricedUsage } from "../../../src/exporter/prices/price-source.ts";

const PROVIDERS: Provider[] = [
  "anthropic",
  "aws",
  "azure",
  "cohere",
  "deepseek",
  "google",
  "groq",
  "mistral",
  "moonshotai",
  "openai",
  "openrouter",
  "perplexity",
  "x-ai",
].map((providerId) => {
  const provider = findProvider({ providerId });
  if (provider === undefined) throw new Error(`The price data know no ${providerId}.`);
  return provider;
});

interface Call {
  usage: PricedUsage & { provider: string; model: string };
  at: Date;
}

const modelOf: fc.Arbitrary<[Provider, ModelInfo]> = fc
  .constantFrom(...PROVIDERS)
  .chain((provider) => fc.tuple(fc.constant(provider), fc.constantFrom(...provider.models)));

/** Every order of magnitude, and both sides of the lengths at which prices change. */
const tokens = fc.oneof(
  fc.constantFrom(0, 1, 128_000, 128_001, 200_000, 200_001, 272_000, 272_001),
  fc.nat(2_000_000),
);

const call: fc.Arbitrary<Call> = fc
  .record({
    model: modelOf,
    at: fc.date({
      min: new Date("2024-01-01"),
      max: new Date("2027-12-31"),
      noInvalidDate: true,
    }),
    inputTokens: tokens,
    cacheReadTokens: tokens,
    cacheCreationTokens: tokens,
    hourShare: fc.constantFrom(0, 0.3, 1),
    outputTokens: tokens,
    webSearchRequests: fc.constantFrom(0, 3),
  })
  .map(({ model: [provider, model], at, hourShare, ...counts }) => ({
    at,
    usage: {
      ...counts,
      provider: provider.id,
      model: model.id,
      cacheCreation1hTokens: Math.floor(counts.cacheCreationTokens * hourShare),
      singleCall: true,
    },
  }));

function libraryPrice({ usage, at }: Call) {
  return calcPrice(
    {
      input_tokens: usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens,
      cache_read_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheCreationTokens,
      cache_write_1h_tokens: usage.cacheCreation1hTokens,
      output_tokens: usage.outputTokens,
      web_searches: usage.webSearchRequests,
    },
    usage.model,
    { providerId: usage.provider, timestamp: at },
  );
}

test("a price is the library's to the nano-dollar, for any model, day and usage", () => {
  const prices = new BundledPrices();
  let priced = 0;
  fc.assert(
    fc.property(call, (call) => {
      const { usage, at } = call;
      const ours = prices.price(usage, at);
      const theirs = libraryPrice(call);
      if (theirs === null) return expect(ours?.match ?? "approx").toBe("approx");
      if (ours === null) {
        // The library takes tokens without a price for free ones.
        const unpriced = [theirs.model_price["input_mtok"], theirs.model_price["output_mtok"]];
        return expect(unpriced).toContain(undefined);
      }
      priced++;
      // Rounded once, where the library has added up floating-point numbers.
      const theirNanoUsd = theirs.total_price * 1e9;
      const dustNanoUsd = 0.001 + theirNanoUsd * 1e-14;
      const difference = Math.abs(ours.costNanoUsd - theirNanoUsd);
      expect(difference).toBeLessThanOrEqual(0.5 + dustNanoUsd);
    }),
    { numRuns: 2_000 },
  );
  expect(priced).toBeGreaterThan(1_000);
});

test("a name that only begins like a known model's is never priced as exactly that one's", () => {
  const prices = new BundledPrices();
  fc.assert(
    fc.property(call, fc.constantFrom("-zzz", "-9", "-ultra", ".9"), ({ usage, at }, suffix) => {
      const price = prices.price({ ...usage, model: usage.model + suffix }, at);
      expect(price?.match ?? "approx").toBe("approx");
    }),
    { numRuns: 1_000 },
  );
});
