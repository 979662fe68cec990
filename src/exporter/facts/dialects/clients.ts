/** Clients of model providers that trace their own calls. */
import {
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
} from "../../../otel/attributes.ts";
import { type Dialect, has } from "../dialect.ts";
import { count, firstOf, inJson, type JsonSource, jsonObject, text } from "../values.ts";

/** `@anthropic-ai/sdk` itself. Compaction is billed beside the counts of the message. */
export const anthropicSdk: Dialect = {
  name: "anthropic_sdk",
  detect: (span) => span.scopeName === "com.anthropic.sdk.typescript",
  columns: {
    extraInput: ["anthropic.usage.compaction.input_tokens"],
    extraOutput: ["anthropic.usage.compaction.output_tokens"],
  },
};

const VERCEL_INPUT = [
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  "ai.usage.inputTokens",
  "ai.usage.promptTokens",
  "ai.usage.tokens",
] as const;

/** Claude's own usage block, where an object was asked for the only place of its cached tokens. */
function inAnthropicMetadata(...path: string[]): JsonSource {
  return inJson("ai.response.providerMetadata", "anthropic", ...path);
}

/** Gemini's own usage block, in 5 the only place of what it thinks in an answer that is no stream. */
function inGoogleMetadata(name: string): JsonSource {
  return inJson("ai.response.providerMetadata", "google", "usageMetadata", name);
}

/**
 * Vercel AI SDK 5 and 6, and later ones in legacy mode: 5 hands on what the provider says, 6 counts
 * the cache in. The calls end in `do…`, and what is around them repeats them; as in 7, text with its
 * tools is an agent. 7 itself (`@ai-sdk/otel`, scope `gen_ai`) speaks the conventions.
 */
export const vercelAi: Dialect = {
  name: "vercel_ai",
  detect: (span) => span.scopeName === "ai" || has(span, "ai.operationId"),
  inputExcludesCache: (span) => {
    const details = "ai.usage.inputTokenDetails.";
    if (Object.keys(span.attributes).some((key) => key.startsWith(details))) return false;
    const uncached = firstOf(
      span.attributes,
      [inAnthropicMetadata("usage", "input_tokens")],
      count,
    );
    const input = firstOf(span.attributes, VERCEL_INPUT, count);
    if (uncached !== null) return uncached === input;
    return /anthropic|bedrock/.test(text(span.attributes["ai.model.provider"]) ?? "");
  },
  columns: {
    input: VERCEL_INPUT,
    output: [ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, "ai.usage.outputTokens", "ai.usage.completionTokens"],
    cacheRead: [
      "ai.usage.inputTokenDetails.cacheReadTokens",
      "ai.usage.cachedInputTokens",
      inAnthropicMetadata("usage", "cache_read_input_tokens"),
      inGoogleMetadata("cachedContentTokenCount"),
    ],
    cacheWrite: [
      "ai.usage.inputTokenDetails.cacheWriteTokens",
      inAnthropicMetadata("cacheCreationInputTokens"),
    ],
    cacheWrite5m: [inAnthropicMetadata("usage", "cache_creation", "ephemeral_5m_input_tokens")],
    cacheWrite1h: [inAnthropicMetadata("usage", "cache_creation", "ephemeral_1h_input_tokens")],
    reasoning: [
      "ai.usage.outputTokenDetails.reasoningTokens",
      "ai.usage.reasoningTokens",
      inGoogleMetadata("thoughtsTokenCount"),
    ],
    total: ["ai.usage.totalTokens", inGoogleMetadata("totalTokenCount")],
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

/** The model in the response is the name that the proxy's user gave it. */
export const liteLlm: Dialect = {
  name: "litellm",
  detect: (span) => span.scopeName === "litellm",
  columns: { responseModel: [ATTR_GEN_AI_REQUEST_MODEL], costUsd: ["litellm.cost.total"] },
  // Of an answer from the proxy's own cache, the span repeats the call that was paid for, cost and all.
  ignoresUsageOf: ({ attributes }) =>
    text(jsonObject(attributes["hidden_params"])?.["cache_key"]) !== null,
};
