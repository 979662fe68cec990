/** The fields of an {@link ExecutionResult} as attributes of its execution's span. */
import { type Attributes, type Span, SpanStatusCode } from "@opentelemetry/api";
import {
  ATTR_CONCLUSION,
  ATTR_DURATION_MS,
  ATTR_ERROR_TYPE,
  ATTR_GEN_AI_CONVERSATION_ID,
  ATTR_GEN_AI_RESPONSE_FINISH_REASONS,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_IS_TIMEOUT,
  ATTR_NUM_TURNS,
  ATTR_PUBLISHED,
  ATTR_USAGE_QUALITY,
  ATTR_USAGE_SCOPE,
  EVENT_MODEL_USAGE,
  type UsageQuality,
  type UsageScope,
} from "./attributes.ts";
import { MAX_MESSAGE_BYTES } from "./errors.ts";
import type { Conclusion, ExecutionResult, ModelUsage } from "./execution.ts";
import {
  defined,
  modelUsageAttributes,
  totalUsage,
  type Usage,
  usageAttributes,
} from "./usage-attributes.ts";
import { amountOf, countOf, fieldsOf, readable, textOf, truncateUtf8 } from "./values.ts";

const CONCLUSIONS: ReadonlySet<unknown> = new Set<Conclusion>(["success", "failure", "error"]);

/** Whether a value is what an executor returns: the conclusion tells. */
export function isExecutionResult(value: unknown): value is ExecutionResult {
  const fields = fieldsOf(value);
  return fields !== undefined && CONCLUSIONS.has(readable(fields, ["conclusion"]).conclusion);
}

/**
 * Records what an executor returned. Its usage is scoped `result`: it stands only where nothing
 * beneath the span is counted. Unusable values (NaN tokens, a getter that throws) set nothing.
 */
export function recordResult(span: Span, result: ExecutionResult): void {
  const fields = readable(result, RESULT_FIELDS);
  recordOutcome(span, fields);
  const entries = Array.isArray(fields.modelUsage) ? fields.modelUsage.flatMap(modelUsageOf) : [];
  const totals: Usage = { ...totalUsage(entries) };
  for (const key of TOTAL_FIELDS) totals[key] = amountOf(fields[key]) ?? totals[key];
  recordUsage(span, "result", entries, totals);
}

/** The fields of a result, of any quality. */
type ResultFields = { [K in keyof ExecutionResult]?: unknown };

const TOTAL_FIELDS = [
  "inputTokens",
  "outputTokens",
  "cacheReadTokens",
  "cacheCreationTokens",
  "costUsd",
] as const;

const RESULT_FIELDS = [
  ...TOTAL_FIELDS,
  "conclusion",
  "numTurns",
  "durationMs",
  "sessionId",
  "published",
  "errorMessage",
  "errorType",
  "isTimeout",
  "model",
  "stopReason",
  "modelUsage",
] as const satisfies (keyof ExecutionResult)[];

function modelUsageOf(entry: unknown): ModelUsage[] {
  const fields = fieldsOf(entry);
  return fields === undefined
    ? []
    : [readable(fields, MODEL_USAGE_FIELDS) as unknown as ModelUsage];
}

const MODEL_USAGE_FIELDS = [
  ...TOTAL_FIELDS,
  "model",
  "provider",
  "cacheCreation5mTokens",
  "cacheCreation1hTokens",
  "reasoningTokens",
  "webSearchRequests",
  "costBasis",
] as const satisfies (keyof ModelUsage)[];

/** Everything of a result but its usage. */
export function recordOutcome(span: Span, result: ResultFields): void {
  const stopReason = textOf(result.stopReason);
  span.setAttributes(
    defined({
      [ATTR_CONCLUSION]: textOf(result.conclusion),
      [ATTR_GEN_AI_RESPONSE_MODEL]: textOf(result.model),
      [ATTR_GEN_AI_CONVERSATION_ID]: textOf(result.sessionId),
      [ATTR_GEN_AI_RESPONSE_FINISH_REASONS]: stopReason === undefined ? undefined : [stopReason],
      [ATTR_NUM_TURNS]: countOf(result.numTurns),
      [ATTR_DURATION_MS]: amountOf(result.durationMs),
      [ATTR_PUBLISHED]: flagOf(result.published),
      [ATTR_IS_TIMEOUT]: flagOf(result.isTimeout),
    }),
  );
  if (result.conclusion === "success") return;
  const message = textOf(result.errorMessage);
  span.setAttribute(
    ATTR_ERROR_TYPE,
    textOf(result.errorType) ?? (result.isTimeout === true ? "timeout" : "_OTHER"),
  );
  span.setStatus({
    code: SpanStatusCode.ERROR,
    ...(message === undefined ? {} : { message: truncateUtf8(message, MAX_MESSAGE_BYTES) }),
  });
}

/** One event a model, and their totals on the span itself. */
export function recordUsage(
  span: Span,
  scope: UsageScope,
  entries: readonly ModelUsage[],
  totals: Usage,
  quality: UsageQuality = "exact",
  timeMs?: number,
): void {
  const attributes: Attributes = usageAttributes(totals);
  if (entries.length === 0 && Object.keys(attributes).length === 0) return;
  for (const entry of entries) {
    span.addEvent(EVENT_MODEL_USAGE, modelUsageAttributes(entry), timeMs);
  }
  span.setAttributes({
    ...attributes,
    [ATTR_USAGE_SCOPE]: scope,
    [ATTR_USAGE_QUALITY]: quality,
  });
}

function flagOf(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}
