import { expect, test } from "bun:test";
import { executionResultFromSdk } from "../../../src/otel/agent-sdk/result.ts";
import { readTranscript, type SdkMessage } from "../../support/replay-query.ts";

function resultOf(name: string, change: SdkMessage = {}): SdkMessage {
  const result = readTranscript(name).messages.findLast((message) => message["type"] === "result");
  return { ...result, ...change };
}

test("a success has its tokens, cost, turns, session and stop reason", () => {
  expect(executionResultFromSdk(resultOf("bash"))).toEqual({
    conclusion: "success",
    costUsd: 0.0093294,
    numTurns: 2,
    durationMs: 252,
    sessionId: "67f940c6-7420-4c13-9dae-23c7f7eb5103",
    model: "claude-sonnet-4-5",
    inputTokens: 25,
    outputTokens: 32,
    cacheReadTokens: 2048,
    cacheCreationTokens: 2176,
    stopReason: "end_turn",
    modelUsage: [
      {
        model: "claude-sonnet-4-5",
        provider: "anthropic",
        inputTokens: 25,
        outputTokens: 32,
        cacheReadTokens: 2048,
        cacheCreationTokens: 2176,
        cacheCreation5mTokens: 2176,
        cacheCreation1hTokens: 0,
        reasoningTokens: 0,
        webSearchRequests: 0,
        costUsd: 0.0093294,
        costBasis: "list",
      },
    ],
  });
});

test("subagents are in the account, although not in the main loop's usage", () => {
  expect(executionResultFromSdk(resultOf("subagent"))).toMatchObject({
    inputTokens: 50,
    outputTokens: 61,
    costUsd: 0.0186138,
  });
});

test("a resumed session's result counts what it added", () => {
  expect(executionResultFromSdk(resultOf("resume-2"))).toMatchObject({
    outputTokens: 32,
    costUsd: 0.0093294,
  });
});

test("an error subtype is a failure or an error, with its account and its message", () => {
  expect(executionResultFromSdk(resultOf("maxturns"))).toMatchObject({
    conclusion: "failure",
    errorType: "max_turns",
    errorMessage: "Reached maximum number of turns (3)",
    costUsd: 0.0112302,
    inputTokens: 39,
  });
});

test("a success that is an error is an error", () => {
  const result = executionResultFromSdk(resultOf("err529"), { model: "opus" });
  expect(result).toMatchObject({
    conclusion: "error",
    errorType: "529",
    costUsd: 0,
    model: "opus",
  });
  expect(result.errorMessage).toStartWith("API Error: 529");
});

test("what a model wrote in refusing is no error message", () => {
  const refusal = resultOf("simple", { is_error: true, stop_reason: "refusal" });
  const result = executionResultFromSdk(refusal);
  expect(result).toMatchObject({ conclusion: "failure", errorType: "refusal" });
  expect(result).not.toContainKey("errorMessage");
});

test("where no result came, the fallback is the result, and an error", () => {
  const fallback = {
    model: "opus",
    isTimeout: true,
    durationMs: 600_000,
    errorMessage: "too slow",
  };
  for (const message of [undefined, null, 7, {}, { type: "assistant" }]) {
    expect(executionResultFromSdk(message, fallback)).toEqual({ conclusion: "error", ...fallback });
  }
  expect(executionResultFromSdk(undefined)).toEqual({ conclusion: "error" });
});

test("what the host says of publishing stays", () => {
  expect(executionResultFromSdk(resultOf("simple"), { published: true }).published).toBe(true);
});

test("zeros of a crash leave the usage unknown", () => {
  const crash = resultOf("simple", {
    subtype: "error_during_execution",
    total_cost_usd: 0,
    modelUsage: {},
    model_usage_since_last_result: {},
  });
  const result = executionResultFromSdk(crash, { model: "opus" });
  expect(result).toMatchObject({ conclusion: "error", model: "opus" });
  expect(result).not.toContainKeys(["costUsd", "inputTokens"]);
});

test("a turn that broke before it used anything used nothing, where the account goes on", () => {
  const result = executionResultFromSdk({
    type: "result",
    subtype: "error_during_execution",
    modelUsage: { m: { inputTokens: 10, costUSD: 0.1 } },
    model_usage_since_last_result: {},
  });
  expect(result).toMatchObject({ conclusion: "error", inputTokens: 0, costUsd: 0 });
});

test("without usage per model, the main loop's usage and the total cost stand", () => {
  const old = resultOf("simple", {
    modelUsage: undefined,
    model_usage_since_last_result: undefined,
  });
  expect(executionResultFromSdk(old, { model: "opus" })).toMatchObject({
    model: "opus",
    inputTokens: 12,
    outputTokens: 5,
    cacheCreationTokens: 2048,
    costUsd: 0.007791,
  });
});

test("of several models the configured one is named by its canonical name", () => {
  const usage = { inputTokens: 1, outputTokens: 1, costUSD: 0.1 };
  const several = resultOf("simple", {
    model_usage_since_last_result: {
      sonnet: { ...usage, canonicalModel: "claude-sonnet-4-5", provider: "bedrock" },
      haiku: { ...usage, costUSD: 0.2, canonicalModel: "claude-haiku-4-5" },
    },
  });
  expect(executionResultFromSdk(several, { model: "sonnet" }).model).toBe("claude-sonnet-4-5");
  expect(executionResultFromSdk(several).model).toBe("claude-haiku-4-5");
  expect(executionResultFromSdk(several).costUsd).toBe(0.3);
});

test("odd values in a result are left out, and never throw", () => {
  const odd = {
    type: "result",
    subtype: 7,
    is_error: "yes",
    num_turns: "three",
    duration_ms: Number.NaN,
    errors: "none",
    modelUsage: { m: { inputTokens: "12", outputTokens: -1, costUSD: 1e300 }, n: null },
  };
  expect(executionResultFromSdk(odd)).toEqual({
    conclusion: "error",
    errorType: "_OTHER",
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheCreationTokens: 0,
    modelUsage: [],
  });
});
