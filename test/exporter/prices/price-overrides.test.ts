import { expect, test } from "bun:test";
import {
  loadPriceOverrides,
  OverriddenPrices,
} from "../../../src/exporter/prices/price-overrides.ts";
import type { PricedUsage, PriceSource } from "../../../src/exporter/prices/price-source.ts";

const at = new Date("2026-11-24T02:00:00Z");
const others: PriceSource = { price: () => ({ costNanoUsd: 1, match: "exact" }) };
const used: PricedUsage = {
  provider: "anthropic",
  model: "claude-sonnet-4-5",
  inputTokens: 1_000_000,
  cacheReadTokens: 1_000_000,
  cacheCreationTokens: 2_000_000,
  cacheCreation1hTokens: 1_000_000,
  outputTokens: 1_000_000,
  webSearchRequests: 3,
  singleCall: true,
};

function pricesOf(models: unknown): OverriddenPrices {
  return new OverriddenPrices(
    loadPriceOverrides(JSON.stringify({ models }), "prices.json"),
    others,
  );
}

test("a user's price beats every other", () => {
  const prices = pricesOf({
    "claude-sonnet-4-5": {
      inputUsdPerMtok: 1,
      outputUsdPerMtok: 20,
      cacheReadUsdPerMtok: 300,
      cacheWriteUsdPerMtok: 4_000,
      cacheWrite1hUsdPerMtok: 50_000,
      webSearchUsd: 200_000,
    },
  });
  expect(prices.price(used, at)).toEqual({ costNanoUsd: 654_321e9, match: "override" });
});

test("a cache rate that the user left out is the next wider one", () => {
  const input = { inputUsdPerMtok: 1, outputUsdPerMtok: 0 };
  const write = { ...input, cacheWriteUsdPerMtok: 10 };
  expect(pricesOf({ "claude-sonnet-4-5": input }).price(used, at)?.costNanoUsd).toBe(4e9);
  expect(pricesOf({ "claude-sonnet-4-5": write }).price(used, at)?.costNanoUsd).toBe(22e9);
});

test("a price holds for a model's dated and regional names, and a provider's own price for it alone", () => {
  const rate = (usd: number) => ({ inputUsdPerMtok: usd, outputUsdPerMtok: usd });
  const prices = pricesOf({
    "claude-sonnet-4-5": rate(1),
    "aws.bedrock/claude-sonnet-4-5": rate(2),
    "claude-sonnet-4-5-20250929": rate(3),
  });
  const cost = (provider: string, model: string) =>
    prices.price({ ...used, provider, model, webSearchRequests: 0 }, at)?.costNanoUsd;
  expect(cost("anthropic", "Claude-Sonnet-4-5[1m]")).toBe(5e9);
  expect(cost("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250101-v1:0")).toBe(10e9);
  expect(cost("anthropic", "claude-sonnet-4-5-20250929")).toBe(15e9);
  expect(cost("anthropic", "claude-opus-5-5")).toBe(1);
});

test("a model of which the user says nothing has its usual price", () => {
  expect(pricesOf({}).price(used, at)).toEqual({ costNanoUsd: 1, match: "exact" });
  expect(pricesOf({}).price({ ...used, model: null }, at)).toEqual({
    costNanoUsd: 1,
    match: "exact",
  });
});

test("a file that holds no prices is refused with its name and what is wrong where", () => {
  expect(() => loadPriceOverrides("{", "/etc/prices.json")).toThrow(
    /^\/etc\/prices\.json is not JSON/,
  );
  const wrong = { models: { "gpt-5": { inputUsdPerMtok: "3", outputUsdPerMtok: 1, typo: 1 } } };
  let message = "";
  try {
    loadPriceOverrides(JSON.stringify(wrong), "/etc/prices.json");
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toMatchInlineSnapshot(`
    "/etc/prices.json does not hold prices:
    ✖ Unrecognized key: "typo"
      → at models["gpt-5"]
    ✖ Invalid input: expected number, received string
      → at models["gpt-5"].inputUsdPerMtok"
  `);
});
