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
  /** The pull request's (or issue's) number. */
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

/** `success`; `failure`: it ended, and not well; `error`: it broke. */
export type Conclusion = "success" | "failure" | "error";

/** What one model used in one execution. Tokens are counts, money is US dollars. */
export interface ModelUsage {
  /** The model as the provider names it, resolved from aliases where that is known. */
  model: string;
  /** Who served it, in the GenAI conventions' spelling. */
  provider?: string | undefined;
  /** Uncached input. */
  inputTokens: number;
  /** All output, reasoning included. */
  outputTokens: number;
  /** Input read from the cache; no part of `inputTokens`. */
  cacheReadTokens: number;
  /** All cache writes; the two below are parts of it where they are known. */
  cacheCreationTokens: number;
  /** Written for five minutes. */
  cacheCreation5mTokens?: number | undefined;
  /** Written for an hour. */
  cacheCreation1hTokens?: number | undefined;
  /** Part of `outputTokens`. */
  reasoningTokens?: number | undefined;
  /** Searches that the provider ran and charges for by number. */
  webSearchRequests?: number | undefined;
  /** As reported; absent where nobody reported one. */
  costUsd?: number | undefined;
  /** `list`, `managed`, or `unknown` where the reporter guessed. */
  costBasis?: string | undefined;
}

/** What an executor returns. Everything but the conclusion may be unknown. */
export interface ExecutionResult {
  /** How it ended. */
  conclusion: Conclusion;
  /** US dollars, as reported; absent: unknown, which is not 0. */
  costUsd?: number | undefined;
  /** Turns of the agent's loop. */
  numTurns?: number | undefined;
  /** Milliseconds, as the agent took the time. @default the span's */
  durationMs?: number | undefined;
  /** The agent's session, by which a later execution resumes it. */
  sessionId?: string | undefined;
  /** Whether the bot published what the agent made. */
  published?: boolean | undefined;
  /** For people; the span's status message. */
  errorMessage?: string | undefined;
  /** What went wrong, in a word of low cardinality such as `max_turns` or `529`. */
  errorType?: string | undefined;
  /** Whether it ended because its time was up. */
  isTimeout?: boolean | undefined;
  /** The model it ran on. @default the execution's */
  model?: string | undefined;
  /** Uncached input, as the Agent SDK counts it. */
  inputTokens?: number | undefined;
  /** All output, reasoning included. */
  outputTokens?: number | undefined;
  /** Input read from the cache; no part of `inputTokens`. */
  cacheReadTokens?: number | undefined;
  /** Input written to the cache; no part of `inputTokens`. */
  cacheCreationTokens?: number | undefined;
  /** Why the model stopped last, in its provider's word. */
  stopReason?: string | undefined;
  /** One entry a model; where present it is the account, and the totals above repeat it. */
  modelUsage?: ModelUsage[] | undefined;
}
