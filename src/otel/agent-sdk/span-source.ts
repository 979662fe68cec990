/** What the spans within one query have in common. */
import type { Attributes, Context, Span, SpanKind, Tracer } from "@opentelemetry/api";
import { ATTR_GEN_AI_CONVERSATION_ID, ATTR_GEN_AI_OPERATION_NAME } from "../attributes.ts";
import type { Content } from "../content.ts";
import { defined } from "../usage-attributes.ts";

/**
 * Whose messages: the main conversation, or the subagent that the tool call with this id started
 * (`parent_tool_use_id`).
 */
export type Scope = string;

export const MAIN: Scope = "";

/** No more than this many calls are held open or remembered at once, so that memory stays flat. */
export const MAX_REMEMBERED = 1024;

export interface SpanSource {
  tracer: Tracer;
  provider: string;
  content: Content;
  /** Milliseconds since the epoch. */
  now: () => number;
  conversationId: () => string | undefined;
}

export interface SpanStart {
  operation: string;
  /** What follows the operation in the span's name. */
  subject: string;
  kind: SpanKind;
  startMs: number;
  attributes: Attributes;
}

export function startSpan(source: SpanSource, parent: Context, start: SpanStart): Span {
  return source.tracer.startSpan(
    start.subject === "" ? start.operation : `${start.operation} ${start.subject}`,
    {
      kind: start.kind,
      startTime: start.startMs,
      attributes: defined({
        [ATTR_GEN_AI_OPERATION_NAME]: start.operation,
        [ATTR_GEN_AI_CONVERSATION_ID]: source.conversationId(),
        ...start.attributes,
      }),
    },
    parent,
  );
}
