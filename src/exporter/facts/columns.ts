/**
 * Column → the attributes that may hold it; the first that can be read wins. Only names that mean one
 * thing whoever sets them: what is ambiguous (`input_tokens`, `model`) belongs to a dialect.
 */
import {
  ATTR_CACHE_WRITE_1H_TOKENS,
  ATTR_CACHE_WRITE_5M_TOKENS,
  ATTR_COST_BASIS,
  ATTR_COST_USD,
  ATTR_GEN_AI_AGENT_NAME,
  ATTR_GEN_AI_CONVERSATION_ID,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_RESPONSE_FINISH_REASONS,
  ATTR_GEN_AI_RESPONSE_ID,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
  ATTR_WEB_SEARCH_REQUESTS,
} from "../../otel/attributes.ts";
import type { Source } from "./values.ts";

/** Columns of counts and of money: a span that has none of them used nothing. */
export const USAGE_COLUMNS = [
  "input",
  "cacheRead",
  "cacheWrite",
  "cacheWrite5m",
  "cacheWrite1h",
  "extraInput",
  "output",
  "extraOutput",
  "reasoning",
  "total",
  "webSearches",
  "costUsd",
  "inputCostUsd",
  "outputCostUsd",
] as const;

export const TEXT_COLUMNS = [
  "provider",
  "responseModel",
  "requestModel",
  "responseId",
  "conversationId",
  "agentName",
  "finishReason",
  "costBasis",
  "costCurrency",
] as const;

export type Column = (typeof USAGE_COLUMNS)[number] | (typeof TEXT_COLUMNS)[number];
export type Columns = Readonly<Record<Column, readonly Source[]>>;

export const COLUMNS: Columns = {
  input: [
    ATTR_GEN_AI_USAGE_INPUT_TOKENS,
    "gen_ai.usage.prompt_tokens",
    "gen_ai.aggregated_usage.input_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
  ],
  cacheRead: [
    ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.details.cache_read_tokens",
    "gen_ai.usage.details.cache_read_input_tokens",
    "gen_ai.aggregated_usage.cache_read.input_tokens",
    "gen_ai.aggregated_usage.details.cache_read_tokens",
    "llm.token_count.prompt_details.cache_read",
  ],
  cacheWrite: [
    ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.input_tokens.cache_write",
    "gen_ai.usage.details.cache_write_tokens",
    "gen_ai.usage.details.cache_creation_input_tokens",
    "gen_ai.aggregated_usage.cache_write.input_tokens",
    "gen_ai.aggregated_usage.cache_creation.input_tokens",
    "gen_ai.aggregated_usage.details.cache_write_tokens",
    "llm.token_count.prompt_details.cache_write",
  ],
  cacheWrite5m: [ATTR_CACHE_WRITE_5M_TOKENS, "gen_ai.usage.cache_creation.5m_input_tokens"],
  cacheWrite1h: [ATTR_CACHE_WRITE_1H_TOKENS, "gen_ai.usage.cache_creation.1h_input_tokens"],
  output: [
    ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
    "gen_ai.usage.completion_tokens",
    "gen_ai.aggregated_usage.output_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
  ],
  reasoning: [
    ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.output_tokens.reasoning",
    "gen_ai.usage.details.reasoning_tokens",
    "gen_ai.aggregated_usage.details.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
  ],
  extraInput: [],
  extraOutput: [],
  total: ["gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total"],
  webSearches: [ATTR_WEB_SEARCH_REQUESTS],
  costUsd: [
    ATTR_COST_USD,
    "gen_ai.usage.cost.amount",
    "operation.cost",
    "llm.cost.total",
    "gen_ai.usage.cost",
    "gen_ai.usage.cost_usd",
    "gen_ai.usage.total_cost",
    "llm.usage.total_cost",
    "gen_ai.cost.total_cost",
    "gen_ai.cost.total_tokens",
  ],
  inputCostUsd: ["llm.cost.prompt", "gen_ai.usage.input_cost", "gen_ai.cost.input_tokens"],
  outputCostUsd: ["llm.cost.completion", "gen_ai.usage.output_cost", "gen_ai.cost.output_tokens"],
  provider: [ATTR_GEN_AI_PROVIDER_NAME, "gen_ai.system", "llm.provider", "llm.system"],
  responseModel: [ATTR_GEN_AI_RESPONSE_MODEL, "llm.response.model_name"],
  requestModel: [ATTR_GEN_AI_REQUEST_MODEL, "llm.request.model_name", "llm.model_name"],
  responseId: [ATTR_GEN_AI_RESPONSE_ID],
  conversationId: [
    ATTR_GEN_AI_CONVERSATION_ID,
    "session.id",
    "langfuse.session.id",
    "traceloop.association.properties.session_id",
    "gcp.vertex.agent.session_id",
  ],
  agentName: [ATTR_GEN_AI_AGENT_NAME, "agent.name", "gen_ai.workflow.name"],
  finishReason: [
    ATTR_GEN_AI_RESPONSE_FINISH_REASONS,
    "llm.finish_reason",
    "anthropic.message.stop_reason",
  ],
  costBasis: [ATTR_COST_BASIS],
  costCurrency: ["gen_ai.usage.cost.currency"],
};
