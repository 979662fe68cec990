import { afterEach, expect, test } from "bun:test";
import { diag, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Execution, ExecutionResult } from "../../src/otel/execution.ts";
import { traceExecution } from "../../src/otel/trace-execution.ts";
import { withActiveContext } from "../support/active-context.ts";
import { recordSpans } from "../support/recording-tracer.ts";

afterEach(() => diag.disable());

async function traced(execution: Execution, run: (span: Span) => unknown) {
  const recording = recordSpans();
  const outcome = await traceExecution(recording.tracer, execution, run).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  expect(recording.endings()).toEqual([1]);
  const [span] = recording.spans();
  if (span === undefined) throw new Error("There is no span.");
  return { span, outcome };
}

test("an execution is an invoke_agent span with its context from the start", async () => {
  const { span } = await traced(
    {
      name: "reviewer",
      deliveryId: "d-1",
      repo: "group/subgroup/project",
      prNumber: 42,
      eventType: "pull_request.opened",
      provider: "aws.bedrock",
      model: "claude-sonnet-4-5",
      attributes: { team: "core", "gen_ai.agent.name": "not this one" },
    },
    () => undefined,
  );
  expect(span.name).toBe("invoke_agent reviewer");
  expect(span.kind).toBe(SpanKind.INTERNAL);
  expect(span.attributes).toEqual({
    "spanledger.execution": true,
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "reviewer",
    "gen_ai.provider.name": "aws.bedrock",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "vcs.owner.name": "group/subgroup",
    "vcs.repository.name": "project",
    "vcs.change.id": "42",
    "spanledger.delivery_id": "d-1",
    "spanledger.event_type": "pull_request.opened",
    "spanledger.conclusion": "success",
    team: "core",
  });
});

test("what is not known of an execution is not on its span", async () => {
  const { span } = await traced({ name: "reviewer" }, () => undefined);
  expect(span.attributes).toEqual({
    "spanledger.execution": true,
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "reviewer",
    "gen_ai.provider.name": "anthropic",
    "spanledger.conclusion": "success",
  });
});

test("a repository without an owner has a name alone", async () => {
  const { span } = await traced({ name: "reviewer", repo: "project" }, () => undefined);
  expect(span.attributes["vcs.repository.name"]).toBe("project");
  expect(span.attributes).not.toContainKey("vcs.owner.name");
});

test("the function runs with the span active, across its awaits", async () => {
  await withActiveContext(async () => {
    const { span, outcome } = await traced({ name: "reviewer" }, async (given) => {
      await Promise.resolve();
      return trace.getActiveSpan() === given;
    });
    expect(outcome).toEqual({ value: true });
    expect(span.parentSpanContext).toBeUndefined();
  });
});

test("a result is recorded field by field, its input with what was cached", async () => {
  const result: ExecutionResult = {
    conclusion: "success",
    costUsd: 0.007790999999999999,
    numTurns: 3,
    durationMs: 1500,
    sessionId: "s-1",
    published: true,
    isTimeout: false,
    model: "claude-sonnet-4-5",
    inputTokens: 12,
    outputTokens: 5,
    cacheReadTokens: 100,
    cacheCreationTokens: 2048,
    stopReason: "end_turn",
  };
  const { span, outcome } = await traced({ name: "reviewer" }, () => result);
  expect(outcome).toEqual({ value: result });
  expect(span.attributes).toMatchObject({
    "spanledger.conclusion": "success",
    "spanledger.cost.usd": 0.007791,
    "spanledger.num_turns": 3,
    "spanledger.duration_ms": 1500,
    "gen_ai.conversation.id": "s-1",
    "spanledger.published": true,
    "spanledger.is_timeout": false,
    "gen_ai.response.model": "claude-sonnet-4-5",
    "gen_ai.usage.input_tokens": 2160,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 100,
    "gen_ai.usage.cache_write.input_tokens": 2048,
    "gen_ai.response.finish_reasons": ["end_turn"],
    "spanledger.usage.scope": "result",
    "spanledger.usage.quality": "exact",
  });
});

test("usage per model becomes one event a model, and their sum the span's own", async () => {
  const usage = { inputTokens: 10, outputTokens: 2, cacheReadTokens: 1, cacheCreationTokens: 4 };
  const { span } = await traced({ name: "reviewer" }, () => ({
    conclusion: "success",
    modelUsage: [
      {
        ...usage,
        model: "sonnet",
        costUsd: 0.1,
        cacheCreation5mTokens: 3,
        cacheCreation1hTokens: 1,
      },
      { ...usage, model: "haiku", provider: "gcp.vertex_ai", costUsd: 0.2, costBasis: "list" },
    ],
  }));
  expect(span.events.map((event) => [event.name, event.attributes])).toEqual([
    [
      "spanledger.model_usage",
      {
        "gen_ai.response.model": "sonnet",
        "gen_ai.usage.input_tokens": 15,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 1,
        "gen_ai.usage.cache_write.input_tokens": 4,
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 3,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 1,
        "spanledger.cost.usd": 0.1,
      },
    ],
    [
      "spanledger.model_usage",
      {
        "gen_ai.response.model": "haiku",
        "gen_ai.provider.name": "gcp.vertex_ai",
        "gen_ai.usage.input_tokens": 15,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 1,
        "gen_ai.usage.cache_write.input_tokens": 4,
        "spanledger.cost.usd": 0.2,
        "spanledger.cost.basis": "list",
      },
    ],
  ]);
  expect(span.attributes).toMatchObject({
    "gen_ai.usage.input_tokens": 30,
    "gen_ai.usage.output_tokens": 4,
    "spanledger.cost.usd": 0.3,
  });
});

test("the cost of several models is unknown while one of them is", async () => {
  const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0 };
  const { span } = await traced({ name: "reviewer" }, () => ({
    conclusion: "success",
    modelUsage: [
      { ...usage, model: "a", costUsd: 0.1 },
      { ...usage, model: "b" },
    ],
  }));
  expect(span.attributes).not.toContainKey("spanledger.cost.usd");
});

test("a result that is no success sets the status and the error's type and message", async () => {
  const { span } = await traced({ name: "reviewer" }, () => ({
    conclusion: "failure",
    errorMessage: "Reached maximum number of turns (3)",
    errorType: "max_turns",
  }));
  expect(span.status).toEqual({
    code: SpanStatusCode.ERROR,
    message: "Reached maximum number of turns (3)",
  });
  expect(span.attributes["error.type"]).toBe("max_turns");
  expect(span.attributes["spanledger.conclusion"]).toBe("failure");
});

test("a timeout is an error type of its own", async () => {
  const { span } = await traced({ name: "r" }, () => ({ conclusion: "error", isTimeout: true }));
  expect(span.attributes["error.type"]).toBe("timeout");
});

test("a thrown error is rethrown untouched, and recorded", async () => {
  class RateLimited extends Error {}
  const thrown = new RateLimited("slow down");
  const before = Reflect.ownKeys(thrown);
  const { span, outcome } = await traced({ name: "reviewer" }, () => {
    throw thrown;
  });
  expect((outcome as { error: unknown }).error).toBe(thrown);
  expect(Reflect.ownKeys(thrown)).toEqual(before);
  expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: "slow down" });
  expect(span.attributes).toMatchObject({
    "error.type": "RateLimited",
    "spanledger.conclusion": "error",
  });
  expect(span.events.map((event) => [event.name, event.attributes])).toEqual([
    ["exception", { "exception.type": "RateLimited", "exception.message": "slow down" }],
  ]);
});

const HOSTILE = new Proxy(
  {},
  {
    get: () => {
      throw new Error("no peeking");
    },
  },
);

const THROWN: [thrown: unknown, type: string][] = [
  [Object.assign(new Error("x"), { code: "ENOENT" }), "ENOENT"],
  [Object.assign(new Error("x"), { errorClass: "aborted" }), "aborted"],
  [new DOMException("x", "AbortError"), "AbortError"],
  [new Error("x"), "Error"],
  [undefined, "_OTHER"],
  [null, "_OTHER"],
  ["text", "_OTHER"],
  [7n, "_OTHER"],
  [HOSTILE, "_OTHER"],
];

for (const [thrown, type] of THROWN) {
  test(`whatever is thrown has a type: ${type}`, async () => {
    const { span, outcome } = await traced({ name: "reviewer" }, () => Promise.reject(thrown));
    expect("error" in outcome && Object.is(outcome.error, thrown)).toBe(true);
    expect(span.attributes["error.type"]).toBe(type);
  });
}

test("an error's message is bounded", async () => {
  const { span } = await traced({ name: "reviewer" }, () => {
    throw new Error("é".repeat(1_000_000));
  });
  expect(span.events[0]?.attributes?.["exception.message"]).toBe("é".repeat(2048));
  expect(span.status.message).toBe("é".repeat(2048));
});

test("a result with unusable values is returned as it is, and the rest of it recorded", async () => {
  const result = {
    conclusion: "failure",
    inputTokens: Number.NaN,
    outputTokens: -3,
    costUsd: Number.POSITIVE_INFINITY,
    numTurns: "four",
    stopReason: 7,
    modelUsage: [null, 3, HOSTILE],
    get sessionId(): string {
      throw new Error("gone");
    },
    durationMs: 12,
  };
  const { span, outcome } = await traced({ name: "reviewer" }, () => result);
  expect("value" in outcome && Object.is(outcome.value, result)).toBe(true);
  expect(span.attributes["spanledger.conclusion"]).toBe("failure");
  expect(span.attributes["spanledger.duration_ms"]).toBe(12);
  expect(Object.values(span.attributes)).not.toContain(Number.NaN);
  expect(span.attributes).not.toContainKey("gen_ai.usage.input_tokens");
});

test("a value of another kind counts as a success", async () => {
  for (const value of [undefined, 7, { conclusion: "maybe" }, HOSTILE]) {
    const { outcome } = await traced({ name: "reviewer" }, () => ({ value }));
    expect(outcome).toHaveProperty("value");
  }
});

test("a value whose conclusion cannot be read is another kind of value", async () => {
  const recording = recordSpans();
  const value = {
    get conclusion(): string {
      throw new Error("no conclusion");
    },
  };
  expect(await traceExecution(recording.tracer, { name: "x" }, () => value)).toBe(value);
  expect(recording.executions()[0]?.attributes["spanledger.conclusion"]).toBe("success");
});

test("a broken tracer and a broken span leave the outcome as it is", async () => {
  const errors: unknown[] = [];
  const broken = recordSpans().tracer;
  broken.startSpan = () => {
    throw new Error("no spans today");
  };
  const options = { onError: (error: unknown) => errors.push(error) };
  expect(await traceExecution(broken, { name: "reviewer" }, () => 42, options)).toBe(42);
  expect(errors.length).toBe(1);

  const fragile = recordSpans();
  const run = (span: Span): number => {
    for (const method of ["setAttribute", "setAttributes", "end"] as const) {
      span[method] = () => {
        throw new Error("a broken span");
      };
    }
    return 43;
  };
  expect(await traceExecution(fragile.tracer, { name: "reviewer" }, run, options)).toBe(43);
});
