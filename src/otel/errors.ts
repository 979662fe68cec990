/** What a thrown value says on a span. */
import { type Attributes, type Span, SpanStatusCode } from "@opentelemetry/api";
import { ATTR_CONCLUSION, ATTR_ERROR_TYPE } from "./attributes.ts";
import { fieldsOf, readable, textOf, truncateUtf8 } from "./values.ts";

/** An error's message may quote anything, so no more than this of it is kept. */
export const MAX_MESSAGE_BYTES = 4096;

const MAX_TYPE_BYTES = 256;

/**
 * A name of low cardinality for a thrown value: the Agent SDK's `errorClass`, the system's `code`,
 * the error's own name, or the conventions' `_OTHER`.
 */
export function errorType(error: unknown): string {
  const thrown = fieldsOf(error);
  if (thrown === undefined) return OTHER;
  const { errorClass, code, name, constructor: ownClass } = readable(thrown, ERROR_FIELDS);
  const ownName = textOf(name);
  const className = typeof ownClass === "function" ? textOf(ownClass.name) : undefined;
  const type =
    textOf(errorClass) ??
    textOf(code) ??
    (ownName === undefined || ownName === "Error" ? className : ownName);
  return truncateUtf8(type ?? OTHER, MAX_TYPE_BYTES);
}

const OTHER = "_OTHER";
const ERROR_FIELDS = ["errorClass", "code", "name", "constructor"] as const;

export function errorMessage(error: unknown): string | undefined {
  const thrown = fieldsOf(error);
  const message = textOf(thrown === undefined ? error : readable(thrown, ["message"]).message);
  return message === undefined ? undefined : truncateUtf8(message, MAX_MESSAGE_BYTES);
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
