/**
 * The instrumentations. A new dialect is one entry here and one fixture. The first entry that
 * recognises a span holds; the last one recognises every span.
 */
import { ATTR_USAGE_SCOPE } from "../../otel/attributes.ts";
import type { Dialect, OperationNames } from "./dialect.ts";
import type { ReadSpan } from "./read-span.ts";
import { inJson, jsonObject, sumInJson, text } from "./values.ts";

const spanledger: Dialect = {
  name: "spanledger",
  detect: (span) => span.scopeName === "spanledger" || has(span, ATTR_USAGE_SCOPE),
  input: "inclusive",
};

/** Claude Code's own spans (beta): bare names, and the counts of the API's usage block. */
const claudeCode: Dialect = {
  name: "claude_code",
  detect: ({ scopeName, name }) =>
    scopeName === "com.anthropic.claude_code.tracing" || name.startsWith("claude_code."),
  input: "exclusive",
  columns: {
    input: ["input_tokens"],
    output: ["output_tokens"],
    cacheRead: ["cache_read_tokens"],
    cacheWrite: ["cache_creation_tokens"],
    cacheWrite5m: ["cache_creation_5m_tokens"],
    cacheWrite1h: ["cache_creation_1h_tokens"],
    costUsd: ["cost_usd"],
    requestModel: ["model"],
    finishReason: ["stop_reason"],
  },
  operations: {
    spans: {
      "claude_code.interaction": "invoke_agent",
      "claude_code.llm_request": "chat",
      "claude_code.tool": "execute_tool",
    },
  },
};

/** `@anthropic-ai/sdk` itself. Compaction is billed beside the counts of the message. */
const anthropicSdk: Dialect = {
  name: "anthropic_sdk",
  detect: (span) => span.scopeName === "com.anthropic.sdk.typescript",
  input: "inclusive",
  columns: {
    extraInput: ["anthropic.usage.compaction.input_tokens"],
    extraOutput: ["anthropic.usage.compaction.output_tokens"],
  },
};

/**
 * Vercel AI SDK 5 and 6, and later ones in legacy mode: 5 hands on what the provider says, 6 counts
 * the cache in. The calls end in `do…`, and what is around them repeats them; as in 7, text with its
 * tools is an agent. 7 itself (`@ai-sdk/otel`, scope `gen_ai`) speaks the conventions.
 */
const vercelAi: Dialect = {
  name: "vercel_ai",
  detect: (span) => span.scopeName === "ai" || has(span, "ai.operationId"),
  input: (span) => {
    const details = "ai.usage.inputTokenDetails.";
    if (Object.keys(span.attributes).some((key) => key.startsWith(details))) return "inclusive";
    const provider = text(span.attributes["ai.model.provider"]) ?? "";
    return /anthropic|bedrock/.test(provider) ? "exclusive" : "proof";
  },
  columns: {
    input: [
      "gen_ai.usage.input_tokens",
      "ai.usage.inputTokens",
      "ai.usage.promptTokens",
      "ai.usage.tokens",
    ],
    output: ["gen_ai.usage.output_tokens", "ai.usage.outputTokens", "ai.usage.completionTokens"],
    cacheRead: ["ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"],
    cacheWrite: [
      "ai.usage.inputTokenDetails.cacheWriteTokens",
      inJson("ai.response.providerMetadata", "anthropic", "cacheCreationInputTokens"),
    ],
    reasoning: ["ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"],
    provider: ["gen_ai.system", "ai.model.provider"],
    responseModel: ["ai.response.model"],
    requestModel: ["ai.model.id"],
    responseId: ["ai.response.id"],
    conversationId: ["ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.conversationId"],
    agentName: ["ai.telemetry.functionId"],
    finishReason: ["ai.response.finishReason"],
  },
  operations: {
    spans: {
      "ai.generateText": "invoke_agent",
      "ai.streamText": "invoke_agent",
      "ai.generateObject": "agent_step",
      "ai.streamObject": "agent_step",
      "ai.embed": "agent_step",
      "ai.embedMany": "agent_step",
      "ai.generateText.doGenerate": "chat",
      "ai.streamText.doStream": "chat",
      "ai.generateObject.doGenerate": "chat",
      "ai.streamObject.doStream": "chat",
      "ai.embed.doEmbed": "embeddings",
      "ai.embedMany.doEmbed": "embeddings",
      "ai.toolCall": "execute_tool",
    },
  },
};

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
const openLlmetryAnthropic: Dialect = {
  name: "openllmetry_anthropic",
  detect: (span) => span.scopeName === "@traceloop/instrumentation-anthropic",
  input: "exclusive",
  operations: TRACELOOP_OPERATIONS,
};

const openLlmetry: Dialect = {
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
 * OpenInference for the Claude Agent SDK: the tokens of the main loop alone, beside the cost of the
 * session so far. Its first result is right, a later one repeats the earlier, and no span tells which
 * it is; so it is kept, and never summed.
 */
const openInferenceClaudeAgent: Dialect = {
  name: "openinference_claude_agent_sdk",
  detect: (span) => /openinference.*claude[-_]agent[-_]sdk/.test(span.scopeName),
  input: "exclusive",
  isRunningTotal: true,
  operations: OPENINFERENCE_OPERATIONS,
};

/** Inclusive by its convention; for Anthropic in JavaScript it long was not. */
const openInference: Dialect = {
  name: "openinference",
  detect: (span) => has(span, "openinference.span.kind"),
  operations: OPENINFERENCE_OPERATIONS,
};

const LANGFUSE_USAGE = "langfuse.observation.usage_details";
const LANGFUSE_COST = "langfuse.observation.cost_details";

/** Usage in JSON: buckets that do not overlap, or OpenAI's own block, where they do. */
const langfuse: Dialect = {
  name: "langfuse",
  detect: (span) => has(span, "langfuse.observation.type"),
  input: (span) =>
    Object.hasOwn(jsonObject(span.attributes[LANGFUSE_USAGE]) ?? {}, "prompt_tokens")
      ? "inclusive"
      : "exclusive",
  columns: {
    input: [
      inJson(LANGFUSE_USAGE, "input"),
      inJson(LANGFUSE_USAGE, "input_tokens"),
      inJson(LANGFUSE_USAGE, "prompt_tokens"),
    ],
    cacheRead: [
      inJson(LANGFUSE_USAGE, "cache_read_input_tokens"),
      inJson(LANGFUSE_USAGE, "input_cached_tokens"),
      inJson(LANGFUSE_USAGE, "input_cache_read"),
      inJson(LANGFUSE_USAGE, "prompt_tokens_details", "cached_tokens"),
    ],
    cacheWrite: [
      inJson(LANGFUSE_USAGE, "cache_creation_input_tokens"),
      inJson(LANGFUSE_USAGE, "input_cache_creation"),
    ],
    output: [
      inJson(LANGFUSE_USAGE, "output"),
      inJson(LANGFUSE_USAGE, "output_tokens"),
      inJson(LANGFUSE_USAGE, "completion_tokens"),
    ],
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

const mastra: Dialect = {
  name: "mastra",
  detect: (span) => has(span, "mastra.span.type"),
  input: "inclusive",
  operations: {
    attributes: {
      "mastra.span.type": {
        agent_run: "invoke_agent",
        workflow_run: "invoke_workflow",
        model_generation: "chat",
        model_inference: "chat",
        tool_call: "execute_tool",
        mcp_tool_call: "execute_tool",
      },
    },
  },
};

const pydanticAi: Dialect = {
  name: "pydantic_ai",
  detect: (span) => span.scopeName === "pydantic-ai",
  input: "inclusive",
  columns: { agentName: ["agent_name"], requestModel: ["model_name"] },
  operations: { spans: { "agent run": "invoke_agent", "running tool": "execute_tool" } },
};

const LANGSMITH_USAGE = "langsmith.usage_metadata";
const LANGSMITH_INPUT = "gen_ai.usage.input_token_details";
const LANGSMITH_OUTPUT = "gen_ai.usage.output_token_details";

const langSmith: Dialect = {
  name: "langsmith",
  detect: (span) => has(span, "langsmith.span.kind"),
  input: "inclusive",
  columns: {
    input: ["gen_ai.usage.input_tokens", inJson(LANGSMITH_USAGE, "input_tokens")],
    cacheRead: [
      inJson(LANGSMITH_INPUT, "cache_read"),
      inJson(LANGSMITH_USAGE, "input_token_details", "cache_read"),
    ],
    cacheWrite: [
      inJson(LANGSMITH_INPUT, "cache_creation"),
      inJson(LANGSMITH_USAGE, "input_token_details", "cache_creation"),
    ],
    output: ["gen_ai.usage.output_tokens", inJson(LANGSMITH_USAGE, "output_tokens")],
    reasoning: [
      inJson(LANGSMITH_OUTPUT, "reasoning"),
      inJson(LANGSMITH_USAGE, "output_token_details", "reasoning"),
    ],
    costUsd: [inJson(LANGSMITH_USAGE, "total_cost")],
    conversationId: ["langsmith.metadata.thread_id", "langsmith.metadata.session_id"],
  },
  operations: {
    attributes: {
      "langsmith.span.kind": {
        llm: "chat",
        chain: "agent_step",
        tool: "execute_tool",
        embedding: "embeddings",
      },
    },
  },
};

const googleAdk: Dialect = {
  name: "google_adk",
  detect: (span) =>
    span.scopeName === "gcp.vertex.agent" ||
    span.attributes["gen_ai.system"] === "gcp.vertex.agent",
  input: "inclusive",
  outputExcludesReasoning: true,
  operations: { spans: { invocation: "agent_step", call_llm: "chat" } },
};

const geminiCli: Dialect = {
  name: "gemini_cli",
  detect: (span) => isService(span, "gemini-cli"),
  input: "inclusive",
  outputExcludesReasoning: true,
  operations: {
    attributes: {
      "gen_ai.operation.name": {
        llm_call: "chat",
        tool_call: "execute_tool",
        agent_call: "invoke_agent",
        user_prompt: "agent_step",
      },
    },
  },
};

/** A call does not name its model; the turn around it does, and has the same counts. */
const codex: Dialect = {
  name: "codex",
  detect: (span) => isService(span, "codex") || CODEX_SPANS.has(span.name),
  input: "inclusive",
  ignoresUsageOf: (span, operation) =>
    operation === "chat" &&
    !has(span, "gen_ai.request.model") &&
    !has(span, "gen_ai.response.model"),
  columns: {
    input: ["codex.turn.token_usage.input_tokens"],
    cacheRead: ["codex.turn.token_usage.cached_input_tokens"],
    cacheWrite: ["codex.turn.token_usage.cache_write_input_tokens"],
    output: ["codex.turn.token_usage.output_tokens"],
    reasoning: [
      "codex.usage.reasoning_output_tokens",
      "codex.turn.token_usage.reasoning_output_tokens",
    ],
    requestModel: ["model"],
    conversationId: ["thread.id", "conversation.id"],
  },
  operations: { spans: { handle_responses: "chat", "session_task.turn": "invoke_agent" } },
};
const CODEX_SPANS: ReadonlySet<string> = new Set(Object.keys(codex.operations?.spans ?? {}));

const sentry: Dialect = {
  name: "sentry",
  detect: (span) => has(span, "sentry.op") || has(span, "sentry.origin"),
  input: "inclusive",
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

/** Whatever follows the GenAI conventions, of whichever version. */
const conventions: Dialect = { name: "gen_ai", detect: () => true };

export const DIALECTS: readonly Dialect[] = [
  spanledger,
  claudeCode,
  anthropicSdk,
  vercelAi,
  openLlmetryAnthropic,
  openLlmetry,
  openInferenceClaudeAgent,
  openInference,
  langfuse,
  mastra,
  pydanticAi,
  langSmith,
  googleAdk,
  geminiCli,
  codex,
  sentry,
  conventions,
];

export function dialectOf(span: ReadSpan): Dialect {
  return DIALECTS.find((dialect) => dialect.detect(span)) ?? conventions;
}

function has(span: ReadSpan, attribute: string): boolean {
  return span.attributes[attribute] !== undefined;
}

function isService(span: ReadSpan, prefix: string): boolean {
  return text(span.resource?.["service.name"])?.startsWith(prefix) ?? false;
}
