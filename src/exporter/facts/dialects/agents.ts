/** Agents and the frameworks for them, which open spans of their own. */
import {
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
} from "../../../otel/attributes.ts";
import { type Dialect, has } from "../dialect.ts";
import type { ReadSpan } from "../read-span.ts";
import { inJson, type JsonSource } from "../values.ts";

/** Claude Code's own spans (beta): bare names, and the counts of the API's usage block. */
export const claudeCode: Dialect = {
  name: "claude_code",
  detect: ({ scopeName, name }) =>
    scopeName === "com.anthropic.claude_code.tracing" || name.startsWith("claude_code."),
  inputExcludesCache: true,
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

/** A call does not name its model; the turn around it does, and has the same counts. */
export const codex: Dialect = {
  name: "codex",
  detect: (span) =>
    CODEX_SPANS.has(span.name) &&
    Object.keys(span.attributes).some((key) => key.startsWith("codex.")),
  ignoresUsageOf: (span, operation) =>
    operation === "chat" &&
    !has(span, ATTR_GEN_AI_REQUEST_MODEL) &&
    !has(span, ATTR_GEN_AI_RESPONSE_MODEL),
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

export const geminiCli: Dialect = {
  name: "gemini_cli",
  detect: (span) => span.scopeName === "gemini-cli",
  outputExcludesReasoning: true,
  mayLackReasoning: () => true,
  operations: {
    attributes: {
      [ATTR_GEN_AI_OPERATION_NAME]: {
        llm_call: "chat",
        tool_call: "execute_tool",
        agent_call: "invoke_agent",
        user_prompt: "agent_step",
      },
    },
  },
};

const isGoogleAdk = (span: ReadSpan): boolean =>
  span.scopeName === "gcp.vertex.agent" || span.attributes["gen_ai.system"] === "gcp.vertex.agent";

const GEMINI_RESPONSE = "gcp.vertex.agent.llm_response";

/** Gemini's own usage block, in JavaScript the only place of what it thinks, and of what it cached. */
function inGeminiResponse(name: string): JsonSource[] {
  const snakeCase = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return [
    inJson(GEMINI_RESPONSE, "usageMetadata", name),
    inJson(GEMINI_RESPONSE, "usage_metadata", snakeCase),
  ];
}

const THOUGHTS = inGeminiResponse("thoughtsTokenCount");

/** Gemini leaves out a count of zero: all of the output may be thoughts. */
const NOTHING_BUT_THOUGHTS: JsonSource = {
  attribute: GEMINI_RESPONSE,
  read: (response) => (THOUGHTS.some(({ read }) => read(response) !== undefined) ? 0 : undefined),
};

export const googleAdk: Dialect = {
  name: "google_adk",
  detect: isGoogleAdk,
  outputExcludesReasoning: true,
  mayLackReasoning: (span) => !has(span, GEMINI_RESPONSE),
  columns: {
    cacheRead: inGeminiResponse("cachedContentTokenCount"),
    output: [ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, NOTHING_BUT_THOUGHTS],
    reasoning: ["gen_ai.usage.experimental.reasoning_tokens", ...THOUGHTS],
  },
  operations: { spans: { invocation: "agent_step", call_llm: "chat" } },
};

/** From 2.3 on in Python it speaks the conventions: thoughts are named as they say, and are output. */
export const googleAdkInclusive: Dialect = {
  ...googleAdk,
  name: "google_adk_inclusive",
  detect: (span) => isGoogleAdk(span) && has(span, ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS),
  outputExcludesReasoning: false,
  mayLackReasoning: () => false,
};

export const mastra: Dialect = {
  name: "mastra",
  detect: (span) => has(span, "mastra.span.type"),
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

export const pydanticAi: Dialect = {
  name: "pydantic_ai",
  detect: (span) => span.scopeName === "pydantic-ai",
  columns: { agentName: ["agent_name"], requestModel: ["model_name"] },
  operations: { spans: { "agent run": "invoke_agent", "running tool": "execute_tool" } },
};
