import { SpanKind, SpanStatusCode, type TraceState } from "@opentelemetry/api";
import { emptyResource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { hexId } from "./span-rows.ts";

/** 2026-11-20 12:00:00 UTC, in seconds. */
export const START_S: number = Date.UTC(2026, 10, 20, 12, 0, 0) / 1000;

export interface SpanParts extends Partial<Omit<ReadableSpan, "spanContext">> {
  trace?: string;
  span?: string;
  traceFlags?: number;
  traceState?: TraceState;
}

/** A finished span as an SDK hands it to an exporter, without an SDK. */
export function readableSpan(parts: SpanParts = {}): ReadableSpan {
  const { trace = "trace", span = "span", traceFlags = 1, traceState, ...rest } = parts;
  const context = { traceId: hexId(`t${trace}`, 32), spanId: hexId(`s${span}`, 16), traceFlags };
  return {
    name: "work",
    kind: SpanKind.INTERNAL,
    spanContext: () => (traceState ? { ...context, traceState } : context),
    startTime: [START_S, 5],
    endTime: [START_S + 1, 7],
    status: { code: SpanStatusCode.UNSET },
    attributes: {},
    links: [],
    events: [],
    duration: [1, 2],
    ended: true,
    resource: emptyResource(),
    instrumentationScope: { name: "test" },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    ...rest,
  };
}
