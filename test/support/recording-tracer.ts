/** A tracer of a provider of its own, which remembers every span that was started and ended. */
import type { Tracer } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

export interface Recording {
  tracer: Tracer;
  /** Ended spans, in the order in which they ended. */
  spans(): ReadableSpan[];
  started(): number;
}

export function recordSpans(): Recording {
  const exporter = new InMemorySpanExporter();
  let started = 0;
  const provider = new BasicTracerProvider({
    spanProcessors: [
      {
        onStart: () => {
          started++;
        },
        onEnd: () => {},
        forceFlush: async () => {},
        shutdown: async () => {},
      },
      new SimpleSpanProcessor(exporter),
    ],
  });
  return {
    tracer: provider.getTracer("test"),
    spans: () => exporter.getFinishedSpans(),
    started: () => started,
  };
}
