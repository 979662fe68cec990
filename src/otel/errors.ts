/** What a thrown value says on a span. */
import { type Attributes, type Span, SpanStatusCode } from "@opentelemetry/api";
import { ATTR_CONCLUSION, ATTR_ERROR_TYPE } from "./attributes.ts";
import { fieldsOf, textOf, truncateUtf8 } from "./values.ts";

/** An error's message may quote anything, so no more than this of it is kept. */
export const MAX_MESSAGE_BYTES = 4096;

/**
 * A name of low cardinality for a thrown value: the Agent SDK's `errorClass`, the system's `code`,
 * the error's own name, or the conventions' `_OTHER`.
 */
export function errorType(error: unknown): string {
  const fields = fieldsOf(error);
  if (fields === undefined) return "_OTHER";
  const named = textOf(fields["errorClass"]) ?? textOf(fields["code"]);
  if (named !== undefined) return named;
  const name = textOf(fields["name"]);
  if (name !== undefined && name !== "Error") return name;
  return textOf(fieldsOf(fields["constructor"])?.["name"]) ?? name ?? "_OTHER";
}

export function errorMessage(error: unknown): string | undefined {
  const text = typeof error === "string" ? error : textOf(fieldsOf(error)?.["message"]);
  return text === undefined ? undefined : truncateUtf8(text, MAX_MESSAGE_BYTES);
}

/** Status, `error.type`, conclusion and the exception event of a run that broke. */
export function recordError(span: Span, error: unknown, timeMs?: number): void {
  const type = errorType(error);
  const message = errorMessage(error);
  span.setAttribute(ATTR_CONCLUSION, "error");
  span.setAttribute(ATTR_ERROR_TYPE, type);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message === undefined ? {} : { message }) });
  const exception: Attributes = { "exception.type": type };
  if (message !== undefined) exception["exception.message"] = message;
  span.addEvent("exception", exception, timeMs);
}
