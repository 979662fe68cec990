/**
 * ROW → SPAN, the inverse of `span-record.ts`: a stored span as the official serializers want it, so
 * that what they make of it is what they would have made of the span itself.
 */
import {
  type Attributes,
  type AttributeValue,
  createTraceState,
  type HrTime,
  type Link,
  type SpanContext,
  type TraceState,
} from "@opentelemetry/api";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { SpanDetail, SpanEventDetail, SpanLinkDetail, TypeNote } from "../store/rows.ts";
import type { SpanRecord } from "./span-record.ts";

type Scope = ReadableSpan["instrumentationScope"];

interface NotedAttributes {
  attributes?: Record<string, unknown>;
  types?: Record<string, TypeNote>;
}

interface StoredResource extends NotedAttributes {
  schemaUrl?: string;
}

interface StoredScope extends NotedAttributes {
  name: string;
  version?: string;
  schemaUrl?: string;
  dropped?: number;
}

const SAMPLED = 1;

/** The value that a text and its note stand for. */
function restored(value: unknown, note: TypeNote): unknown {
  if (typeof note === "object") {
    const items = value as Record<string, unknown>;
    for (const [key, itemNote] of Object.entries(note)) items[key] = restored(items[key], itemNote);
    return items;
  }
  const text = String(value);
  switch (note) {
    case "double":
      return Number(text);
    case "int64":
      return BigInt(text);
    case "bytes":
      return Uint8Array.from(Buffer.from(text, "base64"));
    default:
      return value;
  }
}

function attributesOf({ attributes = {}, types }: NotedAttributes): Attributes {
  return (types ? restored(attributes, types) : attributes) as Attributes;
}

/** The text itself: a trace state that is parsed again drops what it finds invalid. */
function traceStateOf(text: string | undefined): { traceState?: TraceState } {
  if (text === undefined) return {};
  const parsed = createTraceState(text);
  const traceState: TraceState = {
    get: (key) => parsed.get(key),
    set: (key, value) => parsed.set(key, value),
    unset: (key) => parsed.unset(key),
    serialize: () => text,
  };
  return { traceState };
}

function eventOf(event: SpanEventDetail): ReadableSpan["events"][number] {
  return {
    name: event.name,
    time: [event.s, event.ns],
    attributes: attributesOf(event),
    droppedAttributesCount: event.dropped ?? 0,
  };
}

function linkOf(link: SpanLinkDetail): Link {
  const { traceId, spanId, traceFlags = SAMPLED, isRemote = false } = link;
  return {
    context: { traceId, spanId, traceFlags, isRemote, ...traceStateOf(link.traceState) },
    attributes: attributesOf(link),
    droppedAttributesCount: link.dropped ?? 0,
  };
}

function spanAttributes(record: SpanRecord, detail: SpanDetail): Attributes {
  const keys = detail.keys ?? (JSON.parse(record.shape.attributeKeys) as string[]);
  const values = JSON.parse(record.attributeValues) as AttributeValue[];
  const attributes: Attributes = Object.create(null);
  for (const [index, key] of keys.entries()) attributes[key] = values[index];
  return detail.types ? attributesOf({ attributes, types: detail.types }) : attributes;
}

function timeAfter([s, ns]: HrTime, durationNs: number): HrTime {
  const sumNs = ns + (durationNs % 1e9);
  return [s + Math.floor(durationNs / 1e9) + Math.floor(sumNs / 1e9), sumNs % 1e9];
}

/** Few and shared: serializers group spans by the identity of their resource and scope. */
const MAX_REMEMBERED = 1000;

class Remembered<T> {
  readonly #made = new Map<string, T>();
  readonly #make: (text: string) => T;

  constructor(make: (text: string) => T) {
    this.#make = make;
  }

  get(text: string): T {
    let value = this.#made.get(text);
    if (value === undefined) {
      value = this.#make(text);
      if (this.#made.size >= MAX_REMEMBERED) this.#made.clear();
      this.#made.set(text, value);
    }
    return value;
  }
}

function readResource(text: string): Resource {
  const stored = JSON.parse(text) as StoredResource;
  const options = stored.schemaUrl === undefined ? {} : { schemaUrl: stored.schemaUrl };
  return resourceFromAttributes(attributesOf(stored), options);
}

function readScope(text: string): Scope {
  const { name, version, schemaUrl, dropped, ...noted } = JSON.parse(text) as StoredScope;
  return {
    name,
    ...(version === undefined ? {} : { version }),
    ...(schemaUrl === undefined ? {} : { schemaUrl }),
    ...(noted.attributes ? { attributes: attributesOf(noted) } : {}),
    ...(dropped === undefined ? {} : { droppedAttributesCount: dropped }),
  };
}

/** Turns records back into spans. Spans of one reader share their resources and scopes. */
export class ReplayedSpanReader {
  readonly #resources = new Remembered(readResource);
  readonly #scopes = new Remembered(readScope);

  span(record: SpanRecord): ReadableSpan {
    const detail = (record.detail === null ? {} : JSON.parse(record.detail)) as SpanDetail;
    const { traceFlags = SAMPLED } = detail;
    const { traceId, spanId, parentSpanId, shape, durationNs } = record;
    const context: SpanContext = {
      traceId,
      spanId,
      traceFlags,
      ...traceStateOf(detail.traceState),
    };
    const startTime: HrTime = [record.startS, record.startNs];
    const message = detail.statusMessage;
    return {
      name: detail.name ?? shape.name,
      kind: shape.kind,
      spanContext: () => context,
      ...(parentSpanId === null && !detail.parentIsRemote
        ? {}
        : {
            parentSpanContext: {
              traceId,
              spanId: parentSpanId ?? "",
              traceFlags,
              isRemote: detail.parentIsRemote ?? false,
            },
          }),
      startTime,
      endTime: timeAfter(startTime, durationNs),
      duration: [Math.floor(durationNs / 1e9), durationNs % 1e9],
      ended: true,
      status: { code: record.statusCode, ...(message === undefined ? {} : { message }) },
      attributes: spanAttributes(record, detail),
      events: (detail.events ?? []).map(eventOf),
      links: (detail.links ?? []).map(linkOf),
      resource: this.#resources.get(shape.resource),
      instrumentationScope: this.#scopes.get(shape.scope),
      droppedAttributesCount: detail.droppedAttributes ?? 0,
      droppedEventsCount: detail.droppedEvents ?? 0,
      droppedLinksCount: detail.droppedLinks ?? 0,
    };
  }
}
