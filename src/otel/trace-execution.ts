/** Runs a function inside the span of an execution. */
import { context, INVALID_SPAN_CONTEXT, type Span, type Tracer, trace } from "@opentelemetry/api";
import { ATTR_CONCLUSION } from "./attributes.ts";
import { recordError } from "./errors.ts";
import type { Execution } from "./execution.ts";
import { type ExecutionSpan, startExecutionSpan } from "./execution-span.ts";
import { guarded, type OnError } from "./guard.ts";
import { isExecutionResult, recordResult } from "./record-result.ts";

export interface TraceExecutionOptions {
  /** Told of errors in the recording itself, which never reach the host. @default OpenTelemetry's diag */
  onError?: OnError | undefined;
}

/**
 * Opens an `invoke_agent` span for the execution, runs `run` with the span active, and ends it.
 *
 * A resolved {@link ExecutionResult} is recorded field by field; any other value counts as a
 * success. Rejects with the very error that `run` threw, recorded as the span's error.
 */
export async function traceExecution<T>(
  tracer: Tracer,
  execution: Execution,
  run: (span: Span) => Promise<T> | T,
  options: TraceExecutionOptions = {},
): Promise<T> {
  const { onError } = options;
  const active = context.active();
  const opened: ExecutionSpan = guarded(
    () => startExecutionSpan(tracer, execution, active),
    onError,
  ) ?? { span: trace.wrapSpanContext(INVALID_SPAN_CONTEXT), context: active };
  const { span } = opened;
  try {
    const value = await context.with(opened.context, () => run(span));
    guarded(() => recordValue(span, value), onError);
    return value;
  } catch (error) {
    guarded(() => recordError(span, error), onError);
    throw error;
  } finally {
    guarded(() => span.end(), onError);
  }
}

function recordValue(span: Span, value: unknown): void {
  if (isExecutionResult(value)) recordResult(span, value);
  else span.setAttribute(ATTR_CONCLUSION, "success");
}
