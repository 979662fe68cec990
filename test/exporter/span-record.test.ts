import { expect, test } from "bun:test";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { TraceState } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { spanRecord } from "../../src/exporter/span-record.ts";
import type { SpanDetail } from "../../src/store/rows.ts";
import { readableSpan, START_S } from "../support/readable-span.ts";
import { hexId } from "../support/span-rows.ts";

const NOW_MS = START_S * 1000 + 60_250;

test("a plain span is copied whole, with nothing in its detail", () => {
  const span = readableSpan({
    name: "chat claude",
    kind: SpanKind.CLIENT,
    attributes: { a: 1, b: ["x"] },
    resource: resourceFromAttributes({ "service.name": "bot" }),
    instrumentationScope: { name: "test", version: "1.0", schemaUrl: "https://s" },
  });
  expect(spanRecord(span, NOW_MS)).toEqual({
    traceId: hexId("ttrace", 32),
    spanId: hexId("sspan", 16),
    parentSpanId: null,
    shape: {
      name: "chat claude",
      kind: 2,
      resource: '{"attributes":{"service.name":"bot"}}',
      scope: '{"name":"test","version":"1.0","schemaUrl":"https://s"}',
      attributeKeys: '["a","b"]',
    },
    startS: START_S,
    startNs: 5,
    durationNs: 1_000_000_002,
    statusCode: 0,
    attributeValues: '[1,["x"]]',
    detail: null,
  });
});

test("what few spans have goes into the detail", () => {
  const link = { traceId: hexId("tl", 32), spanId: hexId("sl", 16), traceFlags: 0 };
  const span = readableSpan({
    traceFlags: 0,
    traceState: new TraceState("vendor=1"),
    parentSpanContext: { ...link, isRemote: true },
    status: { code: SpanStatusCode.ERROR, message: "no" },
    attributes: { nan: Number.NaN },
    events: [{ name: "e", time: [START_S, 9], attributes: { x: 1 }, droppedAttributesCount: 2 }],
    links: [{ context: link, attributes: { why: "cause" } }],
    droppedAttributesCount: 3,
  });
  const record = spanRecord(span, NOW_MS);
  expect(record.parentSpanId).toBe(link.spanId);
  expect(record.statusCode).toBe(2);
  expect(JSON.parse(record.detail ?? "")).toEqual({
    statusMessage: "no",
    traceState: "vendor=1",
    traceFlags: 0,
    parentIsRemote: true,
    droppedAttributes: 3,
    types: { nan: "double" },
    events: [{ name: "e", s: START_S, ns: 9, attributes: { x: 1 }, dropped: 2 }],
    links: [{ ...link, attributes: { why: "cause" } }],
  });
});

test("attributes, events and links share one budget of text: 128 events of 128 Ki are no row of 16 MB", () => {
  const attributes = { a: "x".repeat(65_536), b: "y".repeat(65_536) };
  const events = Array.from({ length: 128 }, () => ({
    name: "e",
    time: [START_S, 9] as [number, number],
    attributes,
  }));
  const record = spanRecord(readableSpan({ attributes, events }), NOW_MS);
  const { events: stored = [] } = JSON.parse(record.detail ?? "") as SpanDetail;
  expect(stored).toHaveLength(128);
  expect(stored[0]?.attributes).toEqual(attributes);
  expect(stored[127]?.attributes?.["a"]).toBe(`${"x".repeat(256)}…[truncated 65280]`);
  expect((record.detail ?? "").length).toBeLessThan(400_000);
});

test("copying changes nothing on the span", () => {
  const span = readableSpan({ attributes: Object.freeze({ a: "\ud800" }), events: [] });
  Object.freeze(span);
  expect(() => spanRecord(span, NOW_MS)).not.toThrow();
  expect(span.attributes).toEqual({ a: "\ud800" });
});

test("times that no sane clock gave become the time of the export, without a duration", () => {
  for (const startTime of [
    [Number.NaN, 0],
    [0, 0],
    [9e9, 0],
    [START_S, -1],
  ] as [number, number][]) {
    const record = spanRecord(readableSpan({ startTime }), NOW_MS);
    expect([record.startS, record.startNs, record.durationNs]).toEqual([
      START_S + 60,
      250_000_000,
      0,
    ]);
  }
});

test("a span that ended before it began lasts 0, and one of a year is capped at what a number holds", () => {
  expect(spanRecord(readableSpan({ endTime: [START_S - 5, 0] }), NOW_MS).durationNs).toBe(0);
  const year = readableSpan({ endTime: [START_S + 31_536_000, 0] });
  expect(spanRecord(year, NOW_MS).durationNs).toBe(Number.MAX_SAFE_INTEGER);
});
