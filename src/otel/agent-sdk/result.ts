/** The Agent SDK's result message as an {@link ExecutionResult}. */
import type { Conclusion, ExecutionResult, ModelUsage } from "../execution.ts";
import { totalUsage } from "../usage-attributes.ts";
import { amountOf, countOf, type Fields, fieldsOf, nanoUsdOf, textOf } from "../values.ts";
import { isEmpty, mainLoopTotals, type Totals, totalsOf, usageOf } from "./ledger.ts";

/**
 * Turns the result message of a one-shot query into an {@link ExecutionResult}.
 *
 * | the message | conclusion |
 * |---|---|
 * | `success` | `success` |
 * | `error_max_turns`, `error_max_budget_usd`, `error_max_structured_output_retries` | `failure` |
 * | a refusal by the model | `failure` |
 * | `error_during_execution`, an unknown subtype, `is_error` on a `success` | `error` |
 * | none (a timeout, an abort, a crash) | the fallback's, else `error` |
 *
 * `fallback` fills what the message does not say, such as the configured model. The usage is what
 * this result added where the message says so, else its running total.
 */
export function executionResultFromSdk(
  message: unknown,
  fallback: Partial<ExecutionResult> = {},
): ExecutionResult {
  const result = fieldsOf(message);
  if (result === undefined || result["type"] !== "result") {
    return { ...fallback, conclusion: fallback.conclusion ?? "error" };
  }
  return {
    ...fallback,
    ...definedOnly(outcomeOf(result)),
    ...usageFields(result, fallback.model),
    conclusion: conclusionOf(result),
  };
}

/** What a result says of its run, but for the usage. */
export function outcomeOf(result: Fields): ExecutionResult {
  const conclusion = conclusionOf(result);
  return {
    conclusion,
    errorType: conclusion === "success" ? undefined : errorTypeOf(result),
    numTurns: countOf(result["num_turns"]),
    durationMs: amountOf(result["duration_ms"]),
    sessionId: textOf(result["session_id"]),
    stopReason: textOf(result["stop_reason"]),
    errorMessage: errorMessageOf(result),
  };
}

function conclusionOf(result: Fields): Conclusion {
  if (result["stop_reason"] === REFUSAL) return "failure";
  const subtype = result["subtype"];
  if (FAILURES.has(subtype)) return "failure";
  return subtype === "success" && result["is_error"] !== true ? "success" : "error";
}

const REFUSAL = "refusal";

const FAILURES: ReadonlySet<unknown> = new Set([
  "error_max_turns",
  "error_max_budget_usd",
  "error_max_structured_output_retries",
]);

/** The `error.type` of a result that is no success. */
function errorTypeOf(result: Fields): string {
  if (result["stop_reason"] === REFUSAL) return REFUSAL;
  const status = countOf(result["api_error_status"]);
  if (status !== undefined) return String(status);
  const terminal = textOf(result["terminal_reason"]);
  const subtype = textOf(result["subtype"]);
  return (
    textOf(result["startup_failure_reason"]) ??
    (terminal === "completed" ? undefined : terminal) ??
    (subtype === "success" ? textOf(result["stop_reason"]) : subtype) ??
    "_OTHER"
  );
}

/** A run that broke reports totals of zero where it lost its account: they say nothing. */
export function isCrash(result: Fields, totals: Totals): boolean {
  return result["subtype"] === "error_during_execution" && isEmpty(totals);
}

function usageFields(
  result: Fields,
  configuredModel: string | undefined,
): Partial<ExecutionResult> {
  const added = totalsOf(result["model_usage_since_last_result"]);
  const total = totalsOf(result["modelUsage"]);
  const totals = added ?? total ?? mainLoopTotals(result, configuredModel ?? "");
  if (totals === undefined || isCrash(result, total ?? totals)) return {};
  const entries = usageOf(totals);
  const sum = totalUsage(entries);
  const reportedUsd = added === undefined ? amountOf(result["total_cost_usd"]) : 0;
  const costNanoUsd = nanoUsdOf(entries.length === 0 ? reportedUsd : sum.costUsd);
  return {
    inputTokens: countOf(sum.inputTokens) ?? 0,
    outputTokens: countOf(sum.outputTokens) ?? 0,
    cacheReadTokens: countOf(sum.cacheReadTokens) ?? 0,
    cacheCreationTokens: countOf(sum.cacheCreationTokens) ?? 0,
    ...(costNanoUsd === undefined ? {} : { costUsd: costNanoUsd / 1e9 }),
    ...modelField(entries, totals, configuredModel),
    modelUsage: entries,
  };
}

/** The one model used; of several the configured one, resolved from its alias, or the costliest. */
function modelField(
  entries: readonly ModelUsage[],
  totals: Totals,
  configured: string | undefined,
): Partial<ExecutionResult> {
  const [first] = entries.toSorted((a, b) => (b.costUsd ?? 0) - (a.costUsd ?? 0));
  const named =
    configured === undefined ? undefined : (totals.get(configured)?.model ?? configured);
  const model = textOf(entries.length === 1 ? first?.model : (named ?? first?.model));
  return model === undefined ? {} : { model };
}

/** What the model wrote is content, so a refusal's text is not its error message. */
function errorMessageOf(result: Fields): string | undefined {
  const errors = result["errors"];
  if (Array.isArray(errors)) return textOf(errors.filter((e) => typeof e === "string").join("\n"));
  const broke = result["is_error"] === true && result["stop_reason"] !== REFUSAL;
  return broke ? textOf(result["result"]) : undefined;
}

function definedOnly(result: ExecutionResult): Partial<ExecutionResult> {
  return Object.fromEntries(Object.entries(result).filter(([, value]) => value !== undefined));
}
