/**
 * The attribute names that spanledger writes and reads: the contract between `src/otel`, which sets
 * them, and `src/exporter`, which maps them to rows. No other file spells a name out.
 *
 * `gen_ai.*` are the names of the OpenTelemetry GenAI conventions v0.1.0. They are copied, as those
 * conventions ask, because `@opentelemetry/semantic-conventions` deprecates its own (they moved to
 * github.com/open-telemetry/semantic-conventions-genai). `vcs.*` are in development and copied for
 * the same reason. `spanledger.*` is for what no convention names.
 */
export { ATTR_ERROR_TYPE } from "@opentelemetry/semantic-conventions";

export const ATTR_GEN_AI_OPERATION_NAME = "gen_ai.operation.name";
export const ATTR_GEN_AI_PROVIDER_NAME = "gen_ai.provider.name";
export const ATTR_GEN_AI_AGENT_NAME = "gen_ai.agent.name";
export const ATTR_GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id";
export const ATTR_GEN_AI_REQUEST_MODEL = "gen_ai.request.model";
export const ATTR_GEN_AI_RESPONSE_MODEL = "gen_ai.response.model";
export const ATTR_GEN_AI_RESPONSE_ID = "gen_ai.response.id";
/** The id of the HTTP request, which is what Claude Code's own spans know a response by. The Anthropic SDK's name. */
export const ATTR_ANTHROPIC_REQUEST_ID = "anthropic.request.id";
export const ATTR_GEN_AI_RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons";
/** Seconds. */
export const ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk";
/** All input, cached included: the convention's rule, and the opposite of Anthropic's own counter. */
export const ATTR_GEN_AI_USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens";
export const ATTR_GEN_AI_USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens";
export const ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens";
export const ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS = "gen_ai.usage.cache_write.input_tokens";
/** Part of the output tokens. */
export const ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS = "gen_ai.usage.reasoning.output_tokens";
/** Parts of the cache writes, by how long the cache keeps them. The names are the Anthropic SDK's. */
export const ATTR_CACHE_WRITE_5M_TOKENS =
  "anthropic.usage.cache_creation.ephemeral_5m_input_tokens";
export const ATTR_CACHE_WRITE_1H_TOKENS =
  "anthropic.usage.cache_creation.ephemeral_1h_input_tokens";
export const ATTR_GEN_AI_TOOL_NAME = "gen_ai.tool.name";
export const ATTR_GEN_AI_TOOL_CALL_ID = "gen_ai.tool.call.id";
export const ATTR_GEN_AI_TOOL_TYPE = "gen_ai.tool.type";
export const ATTR_GEN_AI_TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments";
export const ATTR_GEN_AI_TOOL_CALL_RESULT = "gen_ai.tool.call.result";
export const ATTR_GEN_AI_INPUT_MESSAGES = "gen_ai.input.messages";
export const ATTR_GEN_AI_OUTPUT_MESSAGES = "gen_ai.output.messages";
export const ATTR_MCP_SERVER_NAME = "spanledger.mcp.server";

export const OPERATION_INVOKE_AGENT = "invoke_agent";
export const OPERATION_CHAT = "chat";
export const OPERATION_EXECUTE_TOOL = "execute_tool";

/** `owner` and `name` of `owner/name`; together they are the `repo` column. */
export const ATTR_VCS_OWNER_NAME = "vcs.owner.name";
export const ATTR_VCS_REPOSITORY_NAME = "vcs.repository.name";
/** The pull request's number, as text. */
export const ATTR_VCS_CHANGE_ID = "vcs.change.id";

/** Boolean, true on the span of an agent execution, as `traceExecution` and `instrumentQuery` open it. */
export const ATTR_EXECUTION = "spanledger.execution";
/** Boolean, true on an execution span opened within another one: it never is a run of its own. */
export const ATTR_EXECUTION_NESTED = "spanledger.execution.nested";
export const ATTR_DELIVERY_ID = "spanledger.delivery_id";
export const ATTR_EVENT_TYPE = "spanledger.event_type";
/** `success`, `failure` or `error`. */
export const ATTR_CONCLUSION = "spanledger.conclusion";
export const ATTR_NUM_TURNS = "spanledger.num_turns";
export const ATTR_PUBLISHED = "spanledger.published";
export const ATTR_IS_TIMEOUT = "spanledger.is_timeout";
/** Milliseconds as the executor reports them, which beat the span's own duration in `executions`. */
export const ATTR_DURATION_MS = "spanledger.duration_ms";
/** US dollars as the provider or the agent reports them, rounded to the nano-dollar. */
export const ATTR_COST_USD = "spanledger.cost.usd";
/** `list`, `managed` or `unknown` (a guess): what a reported cost rests on. */
export const ATTR_COST_BASIS = "spanledger.cost.basis";
/** What the usage on this span, or on its usage events, is to its trace; see `UsageScope`. */
export const ATTR_USAGE_SCOPE = "spanledger.usage.scope";
/** How far the usage may be trusted; see `UsageQuality`. */
export const ATTR_USAGE_QUALITY = "spanledger.usage.quality";
export const ATTR_WEB_SEARCH_REQUESTS = "spanledger.usage.web_search_requests";

/**
 * Span event, one for each model that an execution used, with the `gen_ai.usage.*`, model, provider
 * and cost attributes of that model alone. Its attributes are those of a `chat` span.
 */
export const EVENT_MODEL_USAGE = "spanledger.model_usage";
/** Span events for what the agent met on its way. */
export const EVENT_API_RETRY = "spanledger.api_retry";
export const EVENT_PERMISSION_DENIED = "spanledger.permission_denied";
/** On an API retry: which one it is, and how long the agent waits before it. */
export const ATTR_RETRY_ATTEMPT = "spanledger.retry.attempt";
export const ATTR_RETRY_DELAY_MS = "spanledger.retry.delay_ms";

/**
 * `ledger`: the agent's own account of a run, which silences all that stands beneath it.
 * `result`: what an executor returned, which stands only where nothing beneath it is counted.
 * A span without a scope is judged by its operation.
 */
export type UsageScope = "ledger" | "result";

/**
 * `exact`; `lower_bound`: the run ended without its account, and this is what was seen;
 * `unknown_base`: a running total whose starting point is not known, never to be summed.
 */
export type UsageQuality = "exact" | "lower_bound" | "unknown_base";
