/**
 * An execution and its result, as a host describes them: the input of the flow
 * execution → span → row → report. This folder turns executions into spans through the
 * OpenTelemetry API alone, so it works under any SDK; it knows neither rows nor files.
 */
import type { Attributes } from "@opentelemetry/api";

/** What is known of an execution before it starts. */
export interface Execution {
  /** The agent's name, and so the span's: `invoke_agent {name}`. */
  name: string;
  /** The id of the webhook delivery or job that caused it. */
  deliveryId?: string | undefined;
  /** `owner/name`. */
  repo?: string | undefined;
  prNumber?: number | undefined;
  /** The kind of event or task, such as `pull_request.opened` or `mention`. */
  eventType?: string | undefined;
  /** Who serves the model, in the GenAI conventions' spelling. @default "anthropic" */
  provider?: string | undefined;
  /** The configured model: what the row shows where no result says better. */
  model?: string | undefined;
  /** Attributes of the host's own, queryable with `attr:KEY` in reports. */
  attributes?: Attributes | undefined;
}

export type Conclusion = "success" | "failure" | "error";

/** What one model used in one execution. Tokens are counts, money is US dollars. */
export interface ModelUsage {
  /** The model as the provider names it, resolved from aliases where that is known. */
  model: string;
  provider?: string | undefined;
  /** Uncached input. */
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  /** All cache writes; the two below are parts of it where they are known. */
  cacheCreationTokens: number;
  cacheCreation5mTokens?: number | undefined;
  cacheCreation1hTokens?: number | undefined;
  /** Part of `outputTokens`. */
  reasoningTokens?: number | undefined;
  webSearchRequests?: number | undefined;
  /** As reported; absent where nobody reported one. */
  costUsd?: number | undefined;
  /** `list`, `managed`, or `unknown` where the reporter guessed. */
  costBasis?: string | undefined;
}

/** What an executor returns. Everything but the conclusion may be unknown. */
export interface ExecutionResult {
  /** `success`; `failure`: it ended, and not well; `error`: it broke. */
  conclusion: Conclusion;
  costUsd?: number | undefined;
  numTurns?: number | undefined;
  durationMs?: number | undefined;
  sessionId?: string | undefined;
  /** Whether the bot published what the agent made. */
  published?: boolean | undefined;
  errorMessage?: string | undefined;
  /** What went wrong, in a word of low cardinality such as `max_turns` or `529`. */
  errorType?: string | undefined;
  isTimeout?: boolean | undefined;
  model?: string | undefined;
  /** Uncached input, as the Agent SDK counts it. */
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
  cacheReadTokens?: number | undefined;
  cacheCreationTokens?: number | undefined;
  stopReason?: string | undefined;
  /** One entry a model; where present it is the account, and the totals above repeat it. */
  modelUsage?: ModelUsage[] | undefined;
}
