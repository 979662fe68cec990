/** Instrumentations that observability products put around other people's clients and agents. */
import {
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
} from "../../../otel/attributes.ts";
import { type Dialect, has, type OperationNames } from "../dialect.ts";
import type { ReadAttributes } from "../read-span.ts";
import { count, inJson, type JsonSource, jsonObject, sumInJson } from "../values.ts";

const TRACELOOP_OPERATIONS: OperationNames = {
  attributes: {
    "traceloop.span.kind": {
      workflow: "invoke_workflow",
      agent: "invoke_agent",
      task: "agent_step",
      tool: "execute_tool",
    },
  },
};

/** OpenLLMetry hands on what the API says, and Anthropic's input is uncached input. */
export const openLlmetryAnthropic: Dialect = {
  name: "openllmetry_anthropic",
  detect: (span) => span.scopeName === "@traceloop/instrumentation-anthropic",
  inputExcludesCache: true,
  operations: TRACELOOP_OPERATIONS,
};

export const openLlmetry: Dialect = {
  name: "openllmetry",
  detect: (span) => span.scopeName.startsWith("@traceloop/") || has(span, "traceloop.span.kind"),
  columns: { agentName: ["traceloop.entity.name"] },
  operations: TRACELOOP_OPERATIONS,
};

const OPENINFERENCE_OPERATIONS: OperationNames = {
  attributes: {
    "openinference.span.kind": {
      LLM: "chat",
      AGENT: "invoke_agent",
      CHAIN: "agent_step",
      TOOL: "execute_tool",
      EMBEDDING: "embeddings",
    },
  },
};

/**
 * OpenInference for the Claude Agent SDK: uncached input without the cached, and a cost that runs on
 * over the session.
 */
export const openInferenceClaudeAgent: Dialect = {
  name: "openinference_claude_agent_sdk",
  detect: (span) => /openinference.*claude[-_]agent[-_]sdk/.test(span.scopeName),
  inputExcludesCache: true,
  isMainLoopOnly: true,
  operations: OPENINFERENCE_OPERATIONS,
};

/** Inclusive by its convention; for Anthropic in JavaScript it long was not. */
export const openInference: Dialect = {
  name: "openinference",
  detect: (span) => has(span, "openinference.span.kind"),
  operations: OPENINFERENCE_OPERATIONS,
};

/**
 * Logfire for the Claude Agent SDK. A `chat` span is one message, of which a response has several:
 * each repeats the input and none has the output. The agent's span has both.
 */
export const logfireClaudeAgent: Dialect = {
  name: "logfire_claude_agent_sdk",
  detect: (span) => span.scopeName === "logfire.claude_agent_sdk",
  isMainLoopOnly: true,
  ignoresUsageOf: (_span, operation) => operation === "chat",
};

const LANGFUSE_USAGE = "langfuse.observation.usage_details";
const LANGFUSE_COST = "langfuse.observation.cost_details";

/** Langfuse's own names and those that its wrappers make of OpenAI's, LangChain's and Anthropic's. */
const LANGFUSE_BUCKETS = {
  input: ["input", "input_tokens", "prompt_tokens"],
  cacheRead: ["cache_read_input_tokens", "input_cached_tokens", "input_cache_read"],
  cacheWrite: ["cache_creation_input_tokens", "input_cache_creation"],
  cacheWrite5m: ["input_ephemeral_5m_input_tokens"],
  cacheWrite1h: ["input_ephemeral_1h_input_tokens"],
  output: ["output", "output_tokens", "completion_tokens"],
  reasoning: ["output_reasoning_tokens", "output_reasoning"],
} as const;

const LANGFUSE_NAMES: ReadonlySet<string> = new Set(Object.values(LANGFUSE_BUCKETS).flat());

function buckets(column: keyof typeof LANGFUSE_BUCKETS): JsonSource[] {
  return LANGFUSE_BUCKETS[column].map((name) => inJson(LANGFUSE_USAGE, name));
}

/** What has no column stands beside the rest all the same: `output_rejected_prediction_tokens`. */
function otherBuckets(prefix: "input_" | "output_"): JsonSource {
  return {
    attribute: LANGFUSE_USAGE,
    read: (usage) =>
      Object.entries(usage)
        .filter(([name]) => name.startsWith(prefix) && !LANGFUSE_NAMES.has(name))
        .reduce((sum, [, tokens]) => sum + (count(tokens) ?? 0), 0) || undefined,
  };
}

/** OpenAI's own blocks, handed on as they are: their details are parts, not buckets. */
function isOpenAiBlock(usage: ReadAttributes): boolean {
  return Object.hasOwn(usage, "prompt_tokens") || Object.hasOwn(usage, "input_tokens_details");
}

/** Usage in JSON: buckets that do not overlap, or OpenAI's own block, where they do. */
export const langfuse: Dialect = {
  name: "langfuse",
  detect: (span) => has(span, "langfuse.observation.type"),
  inputExcludesCache: (span) => {
    const usage = jsonObject(span.attributes[LANGFUSE_USAGE]);
    return usage !== null && !isOpenAiBlock(usage);
  },
  outputExcludesReasoning: true,
  columns: {
    input: buckets("input"),
    cacheRead: [
      ...buckets("cacheRead"),
      inJson(LANGFUSE_USAGE, "prompt_tokens_details", "cached_tokens"),
      inJson(LANGFUSE_USAGE, "input_tokens_details", "cached_tokens"),
    ],
    cacheWrite: buckets("cacheWrite"),
    cacheWrite5m: buckets("cacheWrite5m"),
    cacheWrite1h: buckets("cacheWrite1h"),
    extraInput: [otherBuckets("input_")],
    output: buckets("output"),
    // A bucket beside the output's; in OpenAI's own block it is a part, and not read.
    reasoning: buckets("reasoning"),
    extraOutput: [otherBuckets("output_")],
    costUsd: [inJson(LANGFUSE_COST, "total"), sumInJson(LANGFUSE_COST)],
    requestModel: ["langfuse.observation.model.name"],
  },
  operations: {
    attributes: {
      "langfuse.observation.type": {
        generation: "chat",
        embedding: "embeddings",
        agent: "invoke_agent",
        chain: "agent_step",
        tool: "execute_tool",
      },
    },
  },
};

const LANGSMITH_USAGE = "langsmith.usage_metadata";

/** Details stand by themselves or in the whole usage, and at another service tier by another name. */
function langSmithDetail(side: "input" | "output", ...names: string[]): JsonSource[] {
  return names.flatMap((name) => [
    inJson(`gen_ai.usage.${side}_token_details`, name),
    inJson(LANGSMITH_USAGE, `${side}_token_details`, name),
  ]);
}

export const langSmith: Dialect = {
  name: "langsmith",
  detect: (span) => has(span, "langsmith.span.kind"),
  columns: {
    input: [ATTR_GEN_AI_USAGE_INPUT_TOKENS, inJson(LANGSMITH_USAGE, "input_tokens")],
    cacheRead: langSmithDetail("input", "cache_read", "priority_cache_read", "flex_cache_read"),
    cacheWrite: langSmithDetail("input", "cache_creation"),
    cacheWrite5m: langSmithDetail("input", "ephemeral_5m_input_tokens"),
    cacheWrite1h: langSmithDetail(
      "input",
      "ephemeral_1h_input_tokens",
      "ephemeral_1hr_input_tokens",
    ),
    output: [ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, inJson(LANGSMITH_USAGE, "output_tokens")],
    reasoning: langSmithDetail("output", "reasoning", "priority_reasoning", "flex_reasoning"),
    costUsd: [inJson(LANGSMITH_USAGE, "total_cost")],
    conversationId: ["langsmith.metadata.thread_id", "langsmith.metadata.session_id"],
  },
  operations: {
    attributes: {
      [ATTR_GEN_AI_OPERATION_NAME]: { chain: "agent_step" },
      "langsmith.span.kind": {
        llm: "chat",
        chain: "agent_step",
        tool: "execute_tool",
        embedding: "embeddings",
      },
    },
  },
};

export const sentry: Dialect = {
  name: "sentry",
  detect: (span) => has(span, "sentry.op") || has(span, "sentry.origin"),
  operations: {
    attributes: {
      "sentry.op": {
        "gen_ai.chat": "chat",
        "gen_ai.embeddings": "embeddings",
        "gen_ai.execute_tool": "execute_tool",
        "gen_ai.generate_content": "generate_content",
        "gen_ai.invoke_agent": "invoke_agent",
        "gen_ai.create_agent": "create_agent",
        "gen_ai.text_completion": "text_completion",
      },
    },
  },
};
