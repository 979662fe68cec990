import type { SpanStatusCode } from "@opentelemetry/api";
import { SqliteSpanExporter } from "../../../src/index.ts";
import { readableSpan } from "../../support/readable-span.ts";
import type { PlainSpan } from "./otlp-receiver.ts";

/** Writes spans that came over OTLP into the ledger at `dbPath`, beside what is there. */
export async function storeSpans(dbPath: string, spans: readonly PlainSpan[]): Promise<void> {
  const exporter = new SqliteSpanExporter({ dbPath });
  const readable = spans.map((span) => {
    const parent = span.parentSpanId;
    const context = { traceId: span.traceId, traceFlags: 1 };
    return {
      ...readableSpan({
        name: span.name,
        kind: span.kind,
        startTime: span.startTime,
        endTime: span.endTime,
        duration: [span.endTime[0] - span.startTime[0], span.endTime[1] - span.startTime[1]],
        status: { code: span.statusCode as SpanStatusCode },
        attributes: span.attributes as Record<string, string>,
        instrumentationScope: span.scope,
        ...(parent ? { parentSpanContext: { ...context, spanId: parent } } : {}),
      }),
      spanContext: () => ({ ...context, spanId: span.spanId }),
    };
  });
  await new Promise<void>((resolve, reject) => {
    exporter.export(readable, ({ error }) => (error ? reject(error) : resolve()));
  });
  await exporter.shutdown();
}
