/**
 * SPAN → ROW, the half that runs on the host's thread: a pure copy of a finished span, small and
 * bounded, that can cross to another thread. It never throws for what a span carries, and never
 * changes the span.
 */
import type { HrTime, SpanContext } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { SpanDetail, SpanEventDetail, SpanLinkDetail, SpanRow } from "../store/rows.ts";
import { attributeObject, attributeValues, cleanText, type SpanText } from "./attribute-json.ts";
import { MAX_NAME_LENGTH, spanShape } from "./span-shape.ts";

/** A row that lacks only its reading. */
export type SpanRecord = Omit<SpanRow, "facts">;

const MAX_EVENTS = 1024;
const SAMPLED = 1;
/** 2000-01-01 and 2100-01-01: a time outside is a broken clock's. */
const EARLIEST_S = 946_684_800;
const LATEST_S = 4_102_444_800;

function isSaneTime(time: HrTime): boolean {
  const s = time[0];
  const ns = time[1];
  return s >= EARLIEST_S && s < LATEST_S && ns >= 0 && ns < 1e9;
}

function nowTime(nowMs: number): HrTime {
  return [Math.floor(nowMs / 1000), Math.floor((nowMs % 1000) * 1e6)];
}

/** Whole nanoseconds, at least 0 and at most what a number holds exactly (104 days). */
function durationNs(start: HrTime, end: HrTime): number {
  const ns = (end[0] - start[0]) * 1e9 + (Math.trunc(end[1]) - Math.trunc(start[1]));
  return Number.isFinite(ns) ? Math.min(Math.max(ns, 0), Number.MAX_SAFE_INTEGER) : 0;
}

type SpanEvents = ReadableSpan["events"];
type SpanLinks = ReadableSpan["links"];

function eventDetails(events: SpanEvents, nowMs: number, text: SpanText): SpanEventDetail[] {
  return events.slice(-MAX_EVENTS).map((event) => {
    const [s, ns] = isSaneTime(event.time) ? event.time : nowTime(nowMs);
    const detail: SpanEventDetail = {
      name: cleanText(event.name, MAX_NAME_LENGTH),
      s,
      ns: Math.trunc(ns),
      ...attributeObject(event.attributes, text),
    };
    if (event.droppedAttributesCount) detail.dropped = event.droppedAttributesCount;
    return detail;
  });
}

function linkDetails(links: SpanLinks, text: SpanText): SpanLinkDetail[] {
  return links.slice(0, MAX_EVENTS).map((link) => {
    const { traceId, spanId, traceFlags, traceState, isRemote } = link.context;
    const detail: SpanLinkDetail = {
      traceId: cleanText(String(traceId), MAX_NAME_LENGTH),
      spanId: cleanText(String(spanId), MAX_NAME_LENGTH),
      ...attributeObject(link.attributes, text),
    };
    if (traceFlags !== SAMPLED) detail.traceFlags = traceFlags ?? 0;
    if (traceState) detail.traceState = cleanText(traceState.serialize());
    if (isRemote) detail.isRemote = true;
    if (link.droppedAttributesCount) detail.dropped = link.droppedAttributesCount;
    return detail;
  });
}

/** As almost all spans are, which then cost no more than a look. */
function hasNoDetail(span: ReadableSpan, context: SpanContext): boolean {
  return (
    span.status.message === undefined &&
    context.traceFlags === SAMPLED &&
    !context.traceState &&
    !span.parentSpanContext?.isRemote &&
    span.events.length === 0 &&
    span.links.length === 0 &&
    !span.droppedAttributesCount &&
    !span.droppedEventsCount &&
    !span.droppedLinksCount
  );
}

function spanDetail(
  span: ReadableSpan,
  nowMs: number,
  attributes: ReturnType<typeof attributeValues>,
): string | null {
  const { values, types } = attributes;
  const context = span.spanContext();
  if (types === null && hasNoDetail(span, context)) return null;
  const detail: SpanDetail = {};
  const { message } = span.status;
  if (typeof message === "string") detail.statusMessage = cleanText(message);
  if (context.traceState) detail.traceState = cleanText(context.traceState.serialize());
  if (context.traceFlags !== SAMPLED) detail.traceFlags = context.traceFlags ?? 0;
  if (span.parentSpanContext?.isRemote) detail.parentIsRemote = true;
  if (span.droppedAttributesCount) detail.droppedAttributes = span.droppedAttributesCount;
  const droppedEvents = span.droppedEventsCount + Math.max(0, span.events.length - MAX_EVENTS);
  if (droppedEvents) detail.droppedEvents = droppedEvents;
  const droppedLinks = span.droppedLinksCount + Math.max(0, span.links.length - MAX_EVENTS);
  if (droppedLinks) detail.droppedLinks = droppedLinks;
  if (types) detail.types = types;
  const text: SpanText = { length: values.length };
  if (span.events.length > 0) detail.events = eventDetails(span.events, nowMs, text);
  if (span.links.length > 0) detail.links = linkDetails(span.links, text);
  for (const _ in detail) return JSON.stringify(detail);
  return null;
}

/** Copies a finished span. `nowMs` replaces times that no sane clock gave. */
export function spanRecord(span: ReadableSpan, nowMs: number): SpanRecord {
  const context = span.spanContext();
  const attributes = attributeValues(span.attributes);
  const isSane = isSaneTime(span.startTime) && isSaneTime(span.endTime);
  const start = isSane ? span.startTime : nowTime(nowMs);
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? null,
    shape: spanShape(span),
    startS: start[0],
    startNs: Math.trunc(start[1]),
    durationNs: isSane ? durationNs(start, span.endTime) : 0,
    statusCode: span.status.code,
    attributeValues: attributes.values,
    detail: spanDetail(span, nowMs, attributes),
  };
}
