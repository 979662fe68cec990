/** A loopback receiver of OTLP/JSON traces, and its spans flattened to what tells them apart. */

import type { HrTime } from "@opentelemetry/api";

/** A span as a fixture keeps it. Kinds are those of `@opentelemetry/api`: 0 is internal, 2 client. */
export interface PlainSpan {
  name: string;
  kind: number;
  scope: { name: string; version?: string };
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  startTime: HrTime;
  endTime: HrTime;
  /** 0 unset, 1 ok, 2 error. */
  statusCode: number;
  attributes: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
}

interface WireValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: string | number;
  doubleValue?: number;
  arrayValue?: { values?: WireValue[] };
  kvlistValue?: { values?: WireAttribute[] };
}

interface WireAttribute {
  key: string;
  value: WireValue;
}

interface WireSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status?: { code?: number };
  attributes?: WireAttribute[];
  events?: { name: string; attributes?: WireAttribute[] }[];
}

interface WireTraces {
  resourceSpans: {
    scopeSpans: { scope?: { name: string; version?: string }; spans: WireSpan[] }[];
  }[];
}

function plainValue(value: WireValue): unknown {
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(plainValue);
  if (value.kvlistValue) return plainAttributes(value.kvlistValue.values);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? null;
}

function plainAttributes(attributes: WireAttribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plainValue(value)]));
}

function hrTime(unixNano: string): HrTime {
  const ns = BigInt(unixNano);
  return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
}

function plainSpans({ resourceSpans }: WireTraces): PlainSpan[] {
  return resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        name: span.name,
        kind: span.kind - 1,
        scope: {
          name: scope?.name ?? "",
          ...(scope?.version ? { version: scope.version } : {}),
        },
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || null,
        startTime: hrTime(span.startTimeUnixNano),
        endTime: hrTime(span.endTimeUnixNano),
        statusCode: span.status?.code ?? 0,
        attributes: plainAttributes(span.attributes),
        events: (span.events ?? []).map(({ name, attributes }) => ({
          name,
          attributes: plainAttributes(attributes),
        })),
      })),
    ),
  );
}

export interface OtlpReceiver {
  readonly url: string;
  /** In the order of their arrival. */
  readonly spans: readonly PlainSpan[];
  stop(): Promise<void>;
}

export function startOtlpReceiver(): OtlpReceiver {
  const spans: PlainSpan[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/v1/traces")
        spans.push(...plainSpans((await request.json()) as WireTraces));
      return Response.json({});
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    spans,
    stop: () => server.stop(true),
  };
}
