/** A tracer of a provider of its own, which remembers every span: started, ended, and how often. */
import type { Span, Tracer } from "@opentelemetry/api";
import { BasicTracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace-base";

export interface Recording {
  tracer: Tracer;
  /** Ended spans, in the order in which they were started. */
  spans(): ReadableSpan[];
  /** Ended execution spans, in that order. */
  executions(): ReadableSpan[];
  started(): number;
  /** How many times `end` was called on each span. */
  endings(): number[];
}

export function recordSpans(): Recording {
  const started: Span[] = [];
  const ended = new Set<unknown>();
  const endings = new Map<Span, number>();
  const provider = new BasicTracerProvider({
    spanProcessors: [
      {
        onStart: (span) => {
          started.push(span);
          endings.set(span, 0);
          const end = span.end.bind(span);
          span.end = (time) => {
            endings.set(span, (endings.get(span) ?? 0) + 1);
            end(time);
          };
        },
        onEnd: (span) => {
          ended.add(span);
        },
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  });
  const spans = (): ReadableSpan[] =>
    started.filter((span) => ended.has(span)) as unknown as ReadableSpan[];
  return {
    tracer: provider.getTracer("test"),
    spans,
    executions: () => spans().filter((span) => span.attributes["spanledger.execution"] === true),
    started: () => started.length,
    endings: () => [...endings.values()],
  };
}
