import { describe, expect, test } from "bun:test";
import {
  hasOnlyOperation,
  mayBeRun,
  mayHaveFacts,
  readFacts,
} from "../../../src/exporter/facts/read-facts.ts";
import type { ReadSpan } from "../../../src/exporter/facts/read-span.ts";
import { BundledPrices } from "../../../src/exporter/prices/bundled-prices.ts";
import type { ModelUsageFacts } from "../../../src/store/rows.ts";
import { dialectFixtures, readSpanOf } from "../../support/dialect-fixtures.ts";

const prices = new BundledPrices();

function span(attributes: Record<string, unknown>, more: Partial<ReadSpan> = {}): ReadSpan {
  return {
    name: "invoke_agent reviewer",
    kind: 0,
    scopeName: "spanledger",
    attributes: Object.assign(Object.create(null), attributes),
    events: [],
    statusCode: 0,
    endMs: Date.parse("2026-11-24T02:00:00Z"),
    ...more,
  };
}

const execution = {
  "spanledger.execution": true,
  "gen_ai.operation.name": "invoke_agent",
  "gen_ai.provider.name": "anthropic",
  "gen_ai.request.model": "claude-sonnet-4-5",
  "gen_ai.agent.name": "reviewer",
};

function onlyModel(read: ReadSpan): ModelUsageFacts | undefined {
  const models = readFacts(read, prices)?.usage?.models ?? [];
  expect(models).toHaveLength(1);
  return models[0];
}

describe("an execution of our own", () => {
  test("is read in full, and what has no column is kept as attributes", () => {
    const read = span(
      {
        ...execution,
        "spanledger.execution.nested": true,
        "spanledger.delivery_id": "delivery-1",
        "vcs.owner.name": "acme",
        "vcs.repository.name": "shop",
        "vcs.change.id": "42",
        "spanledger.event_type": "pull_request.opened",
        "gen_ai.response.model": "claude-sonnet-4-5-20250929",
        "gen_ai.conversation.id": "session-1",
        "spanledger.num_turns": 3,
        "gen_ai.response.finish_reasons": ["end_turn"],
        "spanledger.conclusion": "failure",
        "error.type": "error_max_turns",
        "spanledger.duration_ms": 1234.6,
        "spanledger.published": false,
        team: "payments",
        labels: ["a", "b"],
      },
      { statusCode: 2 },
    );
    expect(readFacts(read)).toEqual({
      execution: {
        nested: true,
        agentName: "reviewer",
        deliveryId: "delivery-1",
        repo: "acme/shop",
        prNumber: 42,
        eventType: "pull_request.opened",
        provider: "anthropic",
        model: "claude-sonnet-4-5-20250929",
        sessionId: "session-1",
        numTurns: 3,
        stopReason: "end_turn",
        conclusion: "failure",
        errorType: "error_max_turns",
        durationMs: 1234,
        usageQuality: "exact",
        attributes: '{"team":"payments","labels":["a","b"]}',
      },
      usage: null,
    });
  });

  test("that says nothing of itself is null in every column, and ended as its status says", () => {
    const conclusion = (statusCode: number) =>
      readFacts(span({ "spanledger.execution": true }, { statusCode }))?.execution;
    expect(conclusion(0)).toMatchObject({ conclusion: "success", repo: null, attributes: null });
    expect(conclusion(1)).toMatchObject({ conclusion: "success", nested: false });
    expect(conclusion(2)).toMatchObject({ conclusion: "error", model: null, prNumber: null });
  });

  test("that was cut short says so of its usage, although it carries none", () => {
    const read = readFacts(
      span({ "spanledger.execution": true, "spanledger.usage.quality": "lower_bound" }),
    );
    expect(read).toMatchObject({ execution: { usageQuality: "lower_bound" }, usage: null });
  });

  test("has its account in events, one a model, each with its own cost", () => {
    const event = (model: string, input: number, cost: number) => ({
      name: "spanledger.model_usage",
      attributes: {
        "gen_ai.response.model": model,
        "gen_ai.usage.input_tokens": input + 2048,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.cache_write.input_tokens": 2048,
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 1024,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 1024,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "spanledger.usage.web_search_requests": 1,
        "spanledger.cost.usd": cost,
        "spanledger.cost.basis": "list",
      },
    });
    const usage = readFacts(
      span(
        {
          ...execution,
          "spanledger.usage.scope": "ledger",
          "spanledger.usage.quality": "lower_bound",
          "gen_ai.usage.input_tokens": 999_999,
        },
        {
          events: [
            event("claude-sonnet-4-5", 12, 0.02),
            { name: "exception" },
            event("no-such-model", 7, 0.01),
          ],
        },
      ),
      prices,
    )?.usage;
    const shared = {
      provider: "anthropic",
      cacheReadTokens: 0,
      cacheCreationTokens: 2048,
      cacheCreation5mTokens: 1024,
      cacheCreation1hTokens: 1024,
      outputTokens: 5,
      reasoningTokens: 2,
      webSearchRequests: 1,
      costBasis: "list",
    };
    expect(usage).toEqual({
      scope: "ledger",
      quality: "lower_bound",
      responseId: null,
      models: [
        {
          ...shared,
          model: "claude-sonnet-4-5",
          inputTokens: 12,
          reportedCostNanoUsd: 20_000_000,
          computedCostNanoUsd: 12 * 3000 + 1024 * 3750 + 1024 * 6000 + 5 * 15_000 + 10_000_000,
          priceMatch: "exact",
        },
        {
          ...shared,
          model: "no-such-model",
          inputTokens: 7,
          reportedCostNanoUsd: 10_000_000,
          computedCostNanoUsd: null,
          priceMatch: null,
        },
      ],
    });
  });

  test("has its totals on the span where no model is told apart", () => {
    const read = span({
      ...execution,
      "spanledger.usage.scope": "result",
      "gen_ai.usage.input_tokens": 2060,
      "gen_ai.usage.cache_write.input_tokens": 2048,
      "gen_ai.usage.output_tokens": 5,
      "spanledger.cost.usd": 0.007791,
    });
    expect(readFacts(read)?.usage).toMatchObject({ scope: "result", quality: "exact" });
    expect(onlyModel(read)).toMatchObject({
      model: "claude-sonnet-4-5",
      inputTokens: 12,
      cacheCreationTokens: 2048,
      outputTokens: 5,
      reportedCostNanoUsd: 7_791_000,
      computedCostNanoUsd: 7_791_000,
      priceMatch: "exact",
    });
  });

  test("gives the cost of the whole to its only model", () => {
    const read = span(
      { ...execution, "spanledger.usage.scope": "result", "spanledger.cost.usd": 1.5 },
      {
        events: [
          { name: "spanledger.model_usage", attributes: { "gen_ai.usage.output_tokens": 5 } },
        ],
      },
    );
    expect(onlyModel(read)?.reportedCostNanoUsd).toBe(1_500_000_000);
  });

  test("that is known to have used nothing costs 0, and not an unknown amount", () => {
    const zeros = {
      "gen_ai.usage.input_tokens": 0,
      "gen_ai.usage.output_tokens": 0,
      "gen_ai.usage.cache_read.input_tokens": 0,
      "gen_ai.usage.cache_write.input_tokens": 0,
      "spanledger.cost.usd": 0,
    };
    const read = span({ ...execution, "spanledger.usage.scope": "ledger", ...zeros });
    expect(onlyModel(read)).toMatchObject({
      inputTokens: 0,
      outputTokens: 0,
      reportedCostNanoUsd: 0,
    });
    expect(readFacts(span({ ...execution, ...zeros }))?.usage).toBeNull();
    expect(readFacts(span({ ...execution, "spanledger.usage.scope": "ledger" }))?.usage).toBeNull();
  });
});

test("an agent of ours within an execution is no execution, and repeats what is beneath it", () => {
  const subagent = span({
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "explorer",
    "gen_ai.usage.output_tokens": 5,
  });
  expect(readFacts(subagent)).toMatchObject({ execution: null, usage: { scope: "aggregate" } });
  expect(readFacts(span({ "gen_ai.operation.name": "invoke_agent" }))).toBeNull();
});

test.each(["invoke_agent", "invoke_workflow"])("another's %s is an execution", (operation) => {
  const read = span(
    {
      "gen_ai.operation.name": operation,
      "gen_ai.agent.name": "helper",
      "gen_ai.conversation.id": "conversation-1",
      "error.type": "timeout",
      secret: "content of another instrumentation",
    },
    { scopeName: "another", statusCode: 2 },
  );
  expect(readFacts(read)?.execution).toMatchObject({
    nested: false,
    agentName: "helper",
    sessionId: "conversation-1",
    conclusion: "error",
    errorType: "timeout",
    attributes: null,
  });
});

test("an execution that says no error is read by its exception", () => {
  const events = [{ name: "exception", attributes: { "exception.type": "TypeError" } }];
  const read = span({ "gen_ai.operation.name": "invoke_agent" }, { scopeName: "another", events });
  expect(readFacts(read)?.execution?.errorType).toBe("TypeError");
});

test.each([
  ["invoke_agent", "aggregate"],
  ["invoke_workflow", "aggregate"],
  ["create_agent", "aggregate"],
  ["agent_step", "aggregate"],
  ["plan", "aggregate"],
  ["chat", "leaf"],
  ["text_completion", "leaf"],
  ["generate_content", "leaf"],
  ["embeddings", "leaf"],
  ["execute_tool", "leaf"],
  ["an operation of the future", "leaf"],
] as const)("the usage of %s is that of a(n) %s", (operation, scope) => {
  const read = span(
    { "gen_ai.operation.name": operation, "gen_ai.usage.input_tokens": 1 },
    { scopeName: "another" },
  );
  expect(readFacts(read)?.usage?.scope).toBe(scope);
});

test("a tool, a step and an HTTP request without usage have no facts", () => {
  for (const operation of ["execute_tool", "agent_step", "chat", "create_agent"]) {
    expect(readFacts(span({ "gen_ai.operation.name": operation }))).toBeNull();
  }
  expect(readFacts(span({ "http.request.method": "GET", model: "T", input_tokens: 5 }))).toBeNull();
});

test("names that may mean anything are read in the dialect alone that they belong to", () => {
  const bare = { model: "claude-sonnet-4-5", input_tokens: 12, output_tokens: 5 };
  expect(readFacts(span(bare, { name: "work", scopeName: "another" }))).toBeNull();
  const request = { name: "claude_code.llm_request", scopeName: "another" };
  expect(readFacts(span(bare, request))?.usage?.models).toMatchObject([{ inputTokens: 12 }]);
});

test("a call whose answer is not counted is a lower bound, unless it has none", () => {
  const quality = (operation: string) =>
    readFacts(span({ "gen_ai.operation.name": operation, "gen_ai.usage.input_tokens": 5 }))?.usage
      ?.quality;
  expect(quality("chat")).toBe("lower_bound");
  expect(quality("embeddings")).toBe("exact");
});

test("a cost of 0 beside tokens is an unknown one, where another reports it", () => {
  const read = span(
    { "gen_ai.usage.output_tokens": 5, "operation.cost": 0, "spanledger.cost.basis": "list" },
    { scopeName: "another" },
  );
  expect(onlyModel(read)).toMatchObject({ reportedCostNanoUsd: null, costBasis: null });
});

test("a cost in another currency is not taken for dollars", () => {
  const cost = (currency: string) =>
    onlyModel(
      span({
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cost.amount": 2,
        "gen_ai.usage.cost.currency": currency,
      }),
    )?.reportedCostNanoUsd;
  expect(cost("USD")).toBe(2e9);
  expect(cost("EUR")).toBeNull();
});

test("two instrumentations of one call are both leaves, and share the response where both name it", () => {
  const of = (scopeName: string) =>
    readFacts(
      span(
        {
          "gen_ai.operation.name": "chat",
          "gen_ai.response.id": "msg_1",
          "gen_ai.usage.output_tokens": 5,
        },
        { scopeName },
      ),
    )?.usage;
  expect(of("@traceloop/instrumentation-anthropic")).toMatchObject({ responseId: "msg_1" });
  expect(of("com.anthropic.sdk.typescript")).toMatchObject({ scope: "leaf", responseId: "msg_1" });
});

test("a response names a leaf's usage, and not that of what repeats it", () => {
  const responseId = (operation: string) =>
    readFacts(
      span({
        "gen_ai.operation.name": operation,
        "gen_ai.response.id": "msg_1",
        "gen_ai.usage.output_tokens": 5,
      }),
    )?.usage?.responseId;
  expect(responseId("chat")).toBe("msg_1");
  expect(responseId("invoke_agent")).toBeNull();
});

test("a call is priced by the length of its context, a sum over calls cannot be", () => {
  const attributes = {
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.usage.input_tokens": 300_000,
    "gen_ai.usage.output_tokens": 0,
  };
  const call = onlyModel(span({ "gen_ai.operation.name": "chat", ...attributes }));
  expect(call).toMatchObject({ computedCostNanoUsd: 1_800_000_000, priceMatch: "exact" });
  const run = onlyModel(span({ "spanledger.usage.scope": "ledger", ...attributes }));
  expect(run).toMatchObject({ computedCostNanoUsd: 900_000_000, priceMatch: "approx" });
});

test("Claude's input leaves out the cache in version 5 of the Vercel AI SDK, OpenAI's does not", () => {
  const input = (provider: string) =>
    onlyModel(
      span(
        {
          "ai.model.provider": provider,
          "ai.usage.inputTokens": 500,
          "ai.usage.cachedInputTokens": 100,
        },
        { scopeName: "ai", name: "ai.generateText.doGenerate" },
      ),
    )?.inputTokens;
  expect(input("anthropic.messages")).toBe(500);
  expect(input("amazon-bedrock")).toBe(500);
  expect(input("openai.responses")).toBe(400);
});

test("what Gemini thinks is billed beside what its CLI counts as output", () => {
  const read = span(
    { "gen_ai.usage.output_tokens": 80, "gen_ai.usage.reasoning.output_tokens": 20 },
    { scopeName: "gemini-cli" },
  );
  expect(onlyModel(read)?.outputTokens).toBe(100);
});

test("a call of Gemini that says nothing of its thoughts is a lower bound", () => {
  const quality = (scopeName: string, more: Record<string, unknown> = {}) =>
    readFacts(
      span(
        {
          "gen_ai.operation.name": "chat",
          "gen_ai.usage.input_tokens": 50,
          "gen_ai.usage.output_tokens": 80,
          ...more,
        },
        { scopeName },
      ),
    )?.usage?.quality;
  expect(quality("gemini-cli")).toBe("lower_bound");
  expect(quality("gemini-cli", { "gen_ai.usage.reasoning.output_tokens": 20 })).toBe("exact");
  expect(quality("gemini-cli", { "gen_ai.usage.total_tokens": 150 })).toBe("exact");
  expect(quality("gcp.vertex.agent")).toBe("lower_bound");
  // Gemini leaves out a count of zero.
  const response = '{"usageMetadata":{"promptTokenCount":50,"candidatesTokenCount":80}}';
  expect(quality("gcp.vertex.agent", { "gcp.vertex.agent.llm_response": response })).toBe("exact");
  expect(quality("gcp.vertex.agent", { "gen_ai.usage.reasoning.output_tokens": 0 })).toBe("exact");
});

test("compaction is billed beside the message's own counts", () => {
  const read = span(
    {
      "gen_ai.usage.input_tokens": 2060,
      "gen_ai.usage.cache_write.input_tokens": 2048,
      "gen_ai.usage.output_tokens": 5,
      "anthropic.usage.compaction.input_tokens": 1000,
      "anthropic.usage.compaction.output_tokens": 100,
    },
    { scopeName: "com.anthropic.sdk.typescript" },
  );
  expect(onlyModel(read)).toMatchObject({ inputTokens: 1012, outputTokens: 105 });
});

describe("hostile values", () => {
  test.each<[string, unknown]>([
    ["NaN", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["-1", -1],
    ["a negative text", "-1"],
    ["an exponent", "1e3"],
    ["a text with a unit", "12 tokens"],
    ["an empty text", ""],
    ["true", true],
    ["null", null],
    ["undefined", undefined],
    ["an empty array", []],
    ["an array of a number", [12]],
    ["an object", {}],
    ["an object with a value", { valueOf: () => 12 }],
    ["a symbol", Symbol.iterator],
    ["a function", () => 12],
    ["a date", new Date(0)],
  ])("%s is no count and no cost", (_name, value) => {
    const read = span({
      "spanledger.usage.scope": "ledger",
      "gen_ai.usage.input_tokens": value,
      "gen_ai.usage.output_tokens": 1,
      "gen_ai.usage.cache_read.input_tokens": value,
      "gen_ai.usage.cache_write.input_tokens": value,
      "gen_ai.usage.reasoning.output_tokens": value,
      "spanledger.usage.web_search_requests": value,
      "spanledger.cost.usd": value,
    });
    expect(onlyModel(read)).toEqual({
      provider: null,
      model: null,
      inputTokens: null,
      cacheReadTokens: null,
      cacheCreationTokens: null,
      cacheCreation5mTokens: null,
      cacheCreation1hTokens: null,
      outputTokens: 1,
      reasoningTokens: null,
      webSearchRequests: null,
      reportedCostNanoUsd: null,
      costBasis: null,
      computedCostNanoUsd: null,
      priceMatch: null,
    });
  });

  test.each([
    ["12", 12],
    ["0012", 12],
    ["12.9", 12],
    [12.9, 12],
    [12n, 12],
    [-0, 0],
    [5e-324, 0],
    [1e308, 1e12],
    ["99999999999999999999", 1e12],
    [2n ** 80n, 1e12],
  ])("%p is a count of %p", (value, counted) => {
    const read = span({ "spanledger.usage.scope": "ledger", "gen_ai.usage.output_tokens": value });
    expect(onlyModel(read)?.outputTokens).toBe(counted);
  });

  test.each([
    [1e308, Number.MAX_SAFE_INTEGER],
    ["0.007791", 7_791_000],
    [0.1 + 0.2, 300_000_000],
    [1e-10, 0],
  ])("%p dollars are %p nano-dollars", (value, cost) => {
    const read = span({ "spanledger.usage.scope": "ledger", "spanledger.cost.usd": value });
    expect(onlyModel(read)?.reportedCostNanoUsd).toBe(cost);
  });

  test("a name that can be read is taken where an earlier one cannot", () => {
    const read = span({ "gen_ai.usage.input_tokens": "many", "gen_ai.usage.prompt_tokens": 7 });
    expect(onlyModel(read)?.inputTokens).toBe(7);
  });

  test("names of Object.prototype are names like any other", () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const attributes: Record<string, unknown> = Object.create(null);
    for (const name of names) attributes[name] = name;
    attributes["spanledger.execution"] = true;
    attributes["spanledger.usage.scope"] = "constructor";
    for (const name of names) {
      for (const key of ["gen_ai.operation.name", "traceloop.span.kind", "sentry.op"]) {
        const read = { ...span({}), name, attributes: { ...attributes, [key]: name } };
        expect(readFacts(read)?.usage).toBeNull();
      }
    }
    expect(readFacts({ ...span({}), attributes })?.execution?.attributes).toBe(
      '{"__proto__":"__proto__","constructor":"constructor","toString":"toString","hasOwnProperty":"hasOwnProperty"}',
    );
  });

  test("attributes that JSON cannot say do not break the span", () => {
    const attributes = { big: 12n, nan: Number.NaN, list: [1n, null], deep: { a: undefined } };
    const read = span({ "spanledger.execution": true, ...attributes });
    expect(readFacts(read)?.execution?.attributes).toBe(
      '{"big":12,"nan":null,"list":[1,null],"deep":{}}',
    );
  });

  test("JSON that is none, or of another shape, is no usage", () => {
    const details = [
      "{",
      "[]",
      "null",
      '{"input":{}}',
      '{"input":"x"}',
      '{"__proto__":1}',
      "12",
      12,
    ];
    for (const value of details) {
      const read = span(
        {
          "langfuse.observation.type": "generation",
          "langfuse.observation.usage_details": value,
          "langfuse.observation.cost_details": value,
        },
        { scopeName: "langfuse" },
      );
      const usage = readFacts(read)?.usage;
      expect(usage === undefined || usage?.models[0]?.inputTokens === null).toBe(true);
    }
  });
});

test("no shape that may be skipped has facts, whatever attribute is alone on the span", () => {
  const spans = dialectFixtures().flatMap((fixture) => fixture.spans);
  for (const fixture of spans) {
    const whole = readSpanOf(fixture);
    for (const key of Object.keys(fixture.attributes)) {
      for (const name of [fixture.name, "another name"]) {
        const read = { ...whole, name, attributes: { [key]: whole.attributes[key] } };
        const values = JSON.stringify(Object.values(read.attributes));
        const isSkipped =
          !mayHaveFacts([key], name) || (hasOnlyOperation([key], name) && !mayBeRun(values));
        if (isSkipped) expect(readFacts(read, prices)).toBeNull();
      }
    }
  }
});

test("a span of another kind may be skipped", () => {
  expect(mayHaveFacts(["http.request.method", "url.full", "model"], "GET")).toBe(false);
  expect(mayHaveFacts([], "invoke")).toBe(false);
  const keys = ["gen_ai.operation.name", "gen_ai.tool.name"];
  expect(hasOnlyOperation(keys, "execute_tool Bash")).toBe(true);
  expect(mayBeRun('["execute_tool","Bash"]')).toBe(false);
});

test("our chats and Claude Code's own know a response by its request", () => {
  const chat = {
    "gen_ai.operation.name": "chat",
    "gen_ai.response.id": "msg_1",
    "anthropic.request.id": "req_1",
    "gen_ai.usage.input_tokens": 10,
  };
  const theirs = { input_tokens: 10, "gen_ai.response.id": "req_1" };
  const more = { name: "claude_code.llm_request", scopeName: "com.anthropic.claude_code.tracing" };
  expect(readFacts(span(chat))?.usage?.responseId).toBe("req_1");
  expect(readFacts(span(theirs, more))?.usage?.responseId).toBe("req_1");
});
