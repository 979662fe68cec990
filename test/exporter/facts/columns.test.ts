/** Every name by which a column is known, as the instrumentations document it: each alone on a span. */
import { expect, test } from "bun:test";
import { USAGE_ATTRIBUTES } from "../../../src/exporter/facts/dialects.ts";
import { readFacts } from "../../../src/exporter/facts/read-facts.ts";
import type { ReadSpan } from "../../../src/exporter/facts/read-span.ts";
import type { ModelUsageFacts } from "../../../src/store/rows.ts";
import { dialectFixtures, recordedDialects } from "../../support/dialect-fixtures.ts";

interface Names {
  /** By what the span is recognised. */
  span?: Partial<Pick<ReadSpan, "name" | "scopeName" | "attributes">>;
  counts: Partial<Record<keyof ModelUsageFacts, readonly string[]>>;
  costs?: readonly string[];
}

const NAMES: Readonly<Record<string, Names>> = {
  "any instrumentation": {
    counts: {
      inputTokens: [
        ...["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"],
        ...["llm.token_count.prompt", "llm.usage.prompt_tokens"],
        "gen_ai.aggregated_usage.input_tokens",
      ],
      outputTokens: [
        ...["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"],
        ...["llm.token_count.completion", "llm.usage.completion_tokens"],
        "gen_ai.aggregated_usage.output_tokens",
      ],
      cacheReadTokens: [
        ...["gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"],
        ...["gen_ai.usage.input_tokens.cached", "llm.token_count.prompt_details.cache_read"],
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cache_read_input_tokens",
        "gen_ai.aggregated_usage.cache_read.input_tokens",
        "gen_ai.aggregated_usage.details.cache_read_tokens",
      ],
      cacheCreationTokens: [
        ...["gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"],
        ...["gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.input_tokens.cache_write"],
        "gen_ai.usage.details.cache_write_tokens",
        "gen_ai.usage.details.cache_creation_input_tokens",
        "gen_ai.aggregated_usage.cache_write.input_tokens",
        "gen_ai.aggregated_usage.cache_creation.input_tokens",
        "gen_ai.aggregated_usage.details.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
      ],
      cacheCreation5mTokens: [
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens",
        "gen_ai.usage.cache_creation.5m_input_tokens",
      ],
      cacheCreation1hTokens: [
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
        "gen_ai.usage.cache_creation.1h_input_tokens",
      ],
      reasoningTokens: [
        ...["gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"],
        ...["gen_ai.usage.output_tokens.reasoning", "gen_ai.usage.details.reasoning_tokens"],
        "gen_ai.aggregated_usage.details.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
      ],
      webSearchRequests: ["spanledger.usage.web_search_requests"],
    },
    costs: [
      ...["spanledger.cost.usd", "gen_ai.usage.cost.amount", "operation.cost", "llm.cost.total"],
      ...["gen_ai.usage.cost", "gen_ai.usage.cost_usd", "gen_ai.usage.total_cost"],
      ...["llm.usage.total_cost", "gen_ai.cost.total_cost", "gen_ai.cost.total_tokens"],
    ],
  },
  "Claude Code": {
    span: { name: "claude_code.llm_request" },
    counts: {
      inputTokens: ["input_tokens"],
      outputTokens: ["output_tokens"],
      cacheReadTokens: ["cache_read_tokens"],
      cacheCreationTokens: ["cache_creation_tokens"],
      cacheCreation5mTokens: ["cache_creation_5m_tokens"],
      cacheCreation1hTokens: ["cache_creation_1h_tokens"],
    },
    costs: ["cost_usd"],
  },
  "the Vercel AI SDK": {
    span: { scopeName: "ai" },
    counts: {
      inputTokens: ["ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"],
      outputTokens: ["ai.usage.outputTokens", "ai.usage.completionTokens"],
      cacheReadTokens: ["ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"],
      cacheCreationTokens: ["ai.usage.inputTokenDetails.cacheWriteTokens"],
      reasoningTokens: ["ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"],
    },
  },
  "the Anthropic SDK": {
    span: { scopeName: "com.anthropic.sdk.typescript" },
    counts: {
      inputTokens: ["anthropic.usage.compaction.input_tokens"],
      outputTokens: ["anthropic.usage.compaction.output_tokens"],
    },
  },
  LiteLLM: { span: { scopeName: "litellm" }, counts: {}, costs: ["litellm.cost.total"] },
  "Google's ADK": {
    span: { scopeName: "gcp.vertex.agent" },
    counts: { reasoningTokens: ["gen_ai.usage.experimental.reasoning_tokens"] },
  },
  Codex: {
    span: { name: "session_task.turn", attributes: { "codex.turn": "1" } },
    counts: {
      inputTokens: ["codex.turn.token_usage.input_tokens"],
      outputTokens: ["codex.turn.token_usage.output_tokens"],
      cacheReadTokens: ["codex.turn.token_usage.cached_input_tokens"],
      cacheCreationTokens: ["codex.turn.token_usage.cache_write_input_tokens"],
      reasoningTokens: [
        "codex.usage.reasoning_output_tokens",
        "codex.turn.token_usage.reasoning_output_tokens",
      ],
    },
  },
};

function modelOf(names: Names, name: string, value: unknown): ModelUsageFacts | undefined {
  const facts = readFacts({
    ...{ name: "call", kind: 0, scopeName: "test", events: [], statusCode: 0, endMs: 0 },
    ...names.span,
    attributes: Object.assign(Object.create(null), names.span?.attributes, { [name]: value }),
  });
  return facts?.usage?.models[0];
}

const counts = Object.entries(NAMES).flatMap(([who, names]) =>
  Object.entries(names.counts).flatMap(([column, list]) =>
    list.map((name) => [name, who, column as keyof ModelUsageFacts, names] as const),
  ),
);
test.each(counts)("%s of %s is a count, as number and as text", (name, _who, column, names) => {
  expect(modelOf(names, name, 7)?.[column]).toBe(7);
  expect(modelOf(names, name, "7")?.[column]).toBe(7);
  expect(modelOf(names, name, -7)).toBeUndefined();
});

const costs = Object.entries(NAMES).flatMap(([who, names]) =>
  (names.costs ?? []).map((name) => [name, who, names] as const),
);
test.each(costs)("%s of %s is a cost in dollars", (name, _who, names) => {
  expect(modelOf(names, name, 0.25)?.reportedCostNanoUsd).toBe(250_000_000);
});

const costPairs: [string, string][] = [
  ["gen_ai.usage.input_cost", "gen_ai.usage.output_cost"],
  ["gen_ai.cost.input_tokens", "gen_ai.cost.output_tokens"],
  ["llm.cost.prompt", "llm.cost.completion"],
];
test.each(costPairs)("%s and %s are a cost together", (input, output) => {
  const names = { span: { attributes: { [input]: 0.25 } }, counts: {} };
  expect(modelOf(names, output, 0.5)?.reportedCostNanoUsd).toBe(750_000_000);
});

test.each([
  ...["gen_ai.conversation.id", "session.id", "langfuse.session.id"],
  ...["traceloop.association.properties.session_id", "gcp.vertex.agent.session_id"],
])("%s is the session of a run", (name) => {
  const attributes = { "gen_ai.operation.name": "invoke_agent", [name]: "s-1" };
  const span = { name: "run", kind: 0, scopeName: "test", events: [], statusCode: 0, endMs: 0 };
  expect(readFacts({ ...span, attributes })?.execution?.sessionId).toBe("s-1");
});

test("every count and cost that is read is held here or by a fixture", () => {
  const spans = [...dialectFixtures(), ...recordedDialects()].flatMap((fixture) => fixture.spans);
  const held = new Set<string>([
    ...spans.flatMap((span) => Object.keys(span.attributes)),
    ...counts.map(([name]) => name),
    ...costs.map(([name]) => name),
    ...costPairs.flat(),
    "llm.usage.total_tokens", // Is no column: what an output leaves out is found by it.
  ]);
  expect([...USAGE_ATTRIBUTES].filter((name) => !held.has(name))).toEqual([]);
});
