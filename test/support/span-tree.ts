/** Ended spans as an indented tree, in the order given. */
import { SpanKind } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";

export function spanTree(spans: readonly ReadableSpan[]): string {
  const ids = new Set(spans.map((span) => span.spanContext().spanId));
  const roots = spans.filter((span) => !ids.has(span.parentSpanContext?.spanId ?? ""));
  return `\n${branches(roots, spans, 0).join("\n")}\n`;
}

function branches(from: ReadableSpan[], spans: readonly ReadableSpan[], depth: number): string[] {
  return from.flatMap((span) => {
    const { spanId } = span.spanContext();
    const children = spans.filter((other) => other.parentSpanContext?.spanId === spanId);
    return ["  ".repeat(depth) + describe(span), ...branches(children, spans, depth + 1)];
  });
}

function describe(span: ReadableSpan): string {
  const error = span.attributes["error.type"];
  const events = span.events.map((event) => event.name.replace("spanledger.", ""));
  return [
    `${span.name} ${SpanKind[span.kind]}`,
    ...(error === undefined ? [] : [`error=${error}`]),
    ...(events.length === 0 ? [] : [`events=${events.join(",")}`]),
  ].join(" ");
}
