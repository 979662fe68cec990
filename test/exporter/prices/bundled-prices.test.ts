import { expect, test } from "bun:test";
import { calcPrice } from "@pydantic/genai-prices";
import { BundledPrices } from "../../../src/exporter/prices/bundled-prices.ts";
import type { PricedUsage } from "../../../src/exporter/prices/price-source.ts";

const at = new Date("2026-11-24T02:00:00Z");

function usage(some: Partial<PricedUsage>): PricedUsage {
  return {
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    inputTokens: 0,
    cacheReadTokens: 0,
    cacheCreationTokens: 0,
    cacheCreation1hTokens: 0,
    outputTokens: 0,
    webSearchRequests: 0,
    singleCall: true,
    ...some,
  };
}

test("the price of a call is what the provider charged for it", () => {
  const prices = new BundledPrices();
  const calls: [number, number, number, number, number][] = [
    [12, 5, 0, 2048, 7_791_000],
    [25, 32, 2048, 2176, 9_329_400],
    [50, 61, 4096, 4352, 18_613_800],
    [39, 42, 6144, 2304, 11_230_200],
  ];
  for (const [inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens, cost] of calls) {
    const call = usage({ inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens });
    expect(prices.price(call, at)).toEqual({ costNanoUsd: cost, match: "exact" });
  }
});

test("a price equals that of the library it comes from, in every tier and with every cache", () => {
  const prices = new BundledPrices();
  const models: [string, string][] = [
    ["anthropic", "claude-sonnet-4-5"],
    ["anthropic", "claude-opus-5-5"],
    ["anthropic", "claude-haiku-4-5"],
    ["openai", "gpt-5.5"],
    ["openai", "gpt-4o"],
    ["google", "gemini-2.5-pro"],
    ["aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"],
    ["deepseek", "deepseek-chat"],
    ["perplexity", "sonar"],
  ];
  const counts = [0, 1, 999, 199_999, 200_000, 200_001, 272_000, 1_234_567];
  for (const [provider, model] of models) {
    for (const input of counts) {
      for (const cached of [0, 7, 150_000]) {
        const theirs = calcPrice(
          {
            input_tokens: input + 2 * cached,
            cache_read_tokens: cached,
            cache_write_tokens: cached,
            cache_write_1h_tokens: Math.floor(cached / 3),
            output_tokens: input,
            web_searches: 3,
          },
          model,
          { providerId: provider, timestamp: at },
        );
        const ours = prices.price(
          usage({
            provider,
            model,
            inputTokens: input,
            cacheReadTokens: cached,
            cacheCreationTokens: cached,
            cacheCreation1hTokens: Math.floor(cached / 3),
            outputTokens: input,
            webSearchRequests: 3,
          }),
          at,
        );
        expect(ours?.costNanoUsd).toBe(Math.round((theirs?.total_price ?? Number.NaN) * 1e9));
      }
    }
  }
});

test("a price of endless decimals is rounded once, and not before it is multiplied", () => {
  const gemini = { provider: "openrouter", model: "google/gemini-2.5-flash-lite" };
  const written = usage({ ...gemini, cacheCreationTokens: 534_032 });
  // A twelfth of a dollar for a million tokens.
  expect(new BundledPrices().price(written, at)?.costNanoUsd).toBe(44_502_667);
});

test("a huge sum of tokens is priced to the last nano-dollar", () => {
  const run = usage({ inputTokens: 999_999_999_999, outputTokens: 1, singleCall: false });
  expect(new BundledPrices().price(run, at)).toEqual({
    costNanoUsd: 999_999_999_999 * 3_000 + 15_000,
    match: "approx",
  });
});

test("a sum over calls is priced as of short contexts, and marked where that may be wrong", () => {
  const prices = new BundledPrices();
  const short = usage({ inputTokens: 200_000, singleCall: false });
  const long = usage({ inputTokens: 200_001, singleCall: false });
  expect(prices.price(short, at)).toEqual({ costNanoUsd: 600_000_000, match: "exact" });
  expect(prices.price(long, at)).toEqual({ costNanoUsd: 600_003_000, match: "approx" });
});

test.each([
  ["anthropic", "claude-sonnet-4-5", "exact"],
  ["anthropic", "claude-sonnet-4-5-20250929", "exact"],
  ["anthropic", "claude-sonnet-4-5[1m]", "exact"],
  ["anthropic", "claude-opus-5-5[1m]", "exact"],
  ["anthropic", "anthropic/claude-sonnet-4-5", "exact"],
  ["anthropic", "claude-opus-4-20250514", "exact"],
  ["anthropic", "claude-sonnet-4-20250514", "exact"],
  ["anthropic", "claude-3-5-sonnet-latest", "exact"],
  ["aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "exact"],
  ["gcp.vertex_ai", "claude-sonnet-4-5@20250929", "exact"],
  ["azure.ai.openai", "gpt-4o", "exact"],
  ["openai", "gpt-5.5", "exact"],
  ["gcp.gemini", "models/gemini-2.5-pro", "exact"],
  [null, "claude-sonnet-4-5", "exact"],
  ["anthropic", "claude-sonnet-5-5", "approx"],
  ["anthropic", "claude-sonnet-4-5-mini", "approx"],
  ["a-gateway", "claude-sonnet-4-5", "approx"],
] as const)("%s's %s has a price, and it is %s", (provider, model, match) => {
  const price = new BundledPrices().price(usage({ provider, model, outputTokens: 1000 }), at);
  expect(price?.match).toBe(match);
  expect(price?.costNanoUsd).toBeGreaterThan(0);
});

test.each([
  ["anthropic", "sonnet"],
  ["anthropic", ""],
  ["anthropic", "__proto__"],
  ["nobody", "no-such-model"],
  ["anthropic", null],
])("%s's %s has no price, which is not 0", (provider, model) => {
  expect(new BundledPrices().price(usage({ provider, model, inputTokens: 1 }), at)).toBeNull();
});

test("a model has the price of the day of the call", () => {
  const prices = new BundledPrices();
  const call = usage({ model: "claude-opus-4-6", inputTokens: 300_000 });
  const early = prices.price(call, new Date("2026-02-10T00:00:00Z"));
  const late = prices.price(call, at);
  expect(early?.costNanoUsd).toBe(3_000_000_000);
  expect(late?.costNanoUsd).toBe(1_500_000_000);
});

test("a model that is cheaper at night has the price of the hour of the call", () => {
  const prices = new BundledPrices();
  const call = usage({ provider: "deepseek", model: "deepseek-chat", outputTokens: 1_000_000 });
  const cost = (time: string) => prices.price(call, new Date(`2026-11-24T${time}Z`))?.costNanoUsd;
  expect(cost("16:29:59")).toBe(1_100_000_000);
  expect(cost("16:30:00")).toBe(550_000_000);
  expect(cost("16:29:59")).toBe(1_100_000_000);
});

test("web searches are charged for, and marked where their price is not known", () => {
  const prices = new BundledPrices();
  const search = { webSearchRequests: 2, outputTokens: 1 };
  expect(prices.price(usage(search), at)).toEqual({ costNanoUsd: 20_015_000, match: "exact" });
  const elsewhere = usage({ ...search, provider: "gcp.vertex_ai" });
  expect(prices.price(elsewhere, at)).toEqual({ costNanoUsd: 15_000, match: "approx" });
});

test("a sum over calls that are charged for each is marked", () => {
  const sonar = { provider: "perplexity", model: "sonar", inputTokens: 1_000_000 };
  const price = (singleCall: boolean) =>
    new BundledPrices().price(usage({ ...sonar, singleCall }), at);
  expect(price(true)?.match).toBe("exact");
  expect(price(false)?.match).toBe("approx");
});

test("a name too long for a model has no price", () => {
  const model = `claude-sonnet-4-5${"-".repeat(1000)}`;
  expect(new BundledPrices().price(usage({ model, inputTokens: 1 }), at)).toBeNull();
});

test("a moment that is no date has no price", () => {
  expect(new BundledPrices().price(usage({ inputTokens: 1 }), new Date(Number.NaN))).toBeNull();
});
