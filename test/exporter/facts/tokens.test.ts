import { expect, test } from "bun:test";
import { normalisedTokens, type ReportedTokens } from "../../../src/exporter/facts/tokens.ts";

function reported(some: Partial<ReportedTokens>): ReportedTokens {
  return {
    input: null,
    cacheRead: null,
    cacheWrite: null,
    cacheWrite5m: null,
    cacheWrite1h: null,
    output: null,
    reasoning: null,
    total: null,
    extraInput: null,
    extraOutput: null,
    ...some,
  };
}

test("cached tokens are taken out of an input that holds them, and left beside one that does not", () => {
  const usage = reported({ input: 100, cacheRead: 30, cacheWrite: 20 });
  expect(normalisedTokens(usage, false, false).inputTokens).toBe(50);
  expect(normalisedTokens(usage, true, false).inputTokens).toBe(100);
});

test("more cached tokens than input prove that the input leaves them out", () => {
  const usage = reported({ input: 12, cacheRead: 0, cacheWrite: 2048 });
  expect(normalisedTokens(usage, false, false).inputTokens).toBe(12);
});

test("a total that holds input, cache and output proves that the input leaves the cache out", () => {
  const usage = { input: 5000, cacheRead: 2000, cacheWrite: 100, output: 50 };
  const input = (total: number) =>
    normalisedTokens(reported({ ...usage, total }), false, false).inputTokens;
  expect(input(7150)).toBe(5000);
  expect(input(5050)).toBe(2900);
});

test("all input from the cache leaves none uncached", () => {
  const usage = reported({ input: 2048, cacheRead: 2048 });
  expect(normalisedTokens(usage, false, false).inputTokens).toBe(0);
});

test("cache writes known by their parts alone are the sum of them", () => {
  const parts = { cacheWrite5m: 8, cacheWrite1h: 2 };
  const creation = (more: Partial<ReportedTokens>) =>
    normalisedTokens(reported({ ...parts, ...more }), false, false).cacheCreationTokens;
  expect(creation({})).toBe(10);
  expect(creation({ cacheWrite: 12 })).toBe(12);
  expect(creation({ cacheWrite: 9 })).toBe(10);
});

test("reasoning that the output leaves out is added, where it is known or can be told", () => {
  const output = (some: Partial<ReportedTokens>, excludes: boolean) =>
    normalisedTokens(reported(some), false, excludes).outputTokens;
  expect(output({ output: 100, reasoning: 80 }, false)).toBe(100);
  expect(output({ output: 20, reasoning: 80 }, false)).toBe(100);
  expect(output({ output: 100, reasoning: 80 }, true)).toBe(180);
  expect(output({ output: 60, reasoning: 40, input: 1000, total: 1100 }, false)).toBe(100);
  expect(output({ output: 100, reasoning: 40, input: 1000, total: 1100 }, false)).toBe(100);
  expect(output({ output: 20, input: 1000, total: 1100 }, true)).toBe(100);
  expect(output({ output: 20, input: 1000, total: 1000 }, true)).toBe(20);
  expect(output({ output: 20 }, true)).toBe(20);
  expect(output({ reasoning: 80 }, true)).toBeNull();
});

test("what is not reported stays unknown", () => {
  expect(normalisedTokens(reported({ cacheRead: 5 }), false, false)).toEqual({
    inputTokens: null,
    cacheReadTokens: 5,
    cacheCreationTokens: null,
    cacheCreation5mTokens: null,
    cacheCreation1hTokens: null,
    outputTokens: null,
    reasoningTokens: null,
  });
});
