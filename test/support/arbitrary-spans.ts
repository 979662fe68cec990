/** Spans of every shape that the OpenTelemetry API lets through, and then some, for property tests. */
import { type HrTime, type Link, type SpanContext, TraceFlags } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import fc from "fast-check";

/** Any text, but for NUL: SQLite's own functions stop at it, so it is stored as U+FFFD. */
const text = fc.string({ unit: "binary", maxLength: 20 }).map((s) => s.replaceAll("\0", "·"));

const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    Number.NaN,
    Infinity,
    -Infinity,
    -0,
    0,
    1e300,
    2 ** 53,
    2 ** 63,
    -(2 ** 63),
    5e-324,
  ),
);

const scalar = fc.oneof(
  text,
  number,
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.uint8Array({ maxLength: 10 }),
  fc.constantFrom(null, undefined),
);

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(number, { maxLength: 4 }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text, tie("value"), { maxKeys: 4 }),
  ),
}));

const attributes = fc.dictionary(
  fc.oneof(text, fc.constantFrom("__proto__", "constructor", "1", "0", "toString")),
  value,
  { maxKeys: 6 },
) as fc.Arbitrary<ReadableSpan["attributes"]>;

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: digits, maxLength: digits });
const traceId = hex(32);
const spanId = hex(16);
const flags = fc.integer({ min: 0, max: 255 });
const count = fc.oneof(fc.constant(0), fc.nat({ max: 2 ** 31 - 1 }));

const traceState = fc.option(
  text.map((state) => ({
    get: () => undefined,
    set: () => {
      throw new Error("A finished span's trace state is not changed");
    },
    unset: () => {
      throw new Error("A finished span's trace state is not changed");
    },
    serialize: () => state,
  })),
  { nil: undefined },
);

function context(traceIds: fc.Arbitrary<string>): fc.Arbitrary<SpanContext> {
  return fc
    .record({
      traceId: traceIds,
      spanId,
      traceFlags: fc.oneof(fc.constant<number>(TraceFlags.SAMPLED), flags),
      isRemote: fc.constantFrom(true, false, undefined),
      traceState,
    })
    .map(({ isRemote, traceState: state, ...ids }) => ({
      ...ids,
      ...(isRemote === undefined ? {} : { isRemote }),
      ...(state === undefined ? {} : { traceState: state }),
    }));
}

/**
 * Before 2100: a time outside is a broken clock's, and is replaced. Of a nanosecond's parts only
 * a quarter: of finer ones the official serializers make one thing in JSON and another in protobuf.
 */
const time = fc.tuple(
  fc.integer({ min: 946_684_800, max: 4_090_000_000 }),
  fc
    .tuple(fc.integer({ min: 0, max: 999_999_998 }), fc.constantFrom(0, 0.25))
    .map(([a, b]) => a + b),
) as unknown as fc.Arbitrary<HrTime>;

const event = fc
  .record({ name: text, time, attributes: fc.option(attributes), dropped: fc.option(count) })
  .map(({ name, time: at, attributes: a, dropped }) => ({
    name,
    time: at,
    ...(a === null ? {} : { attributes: a }),
    ...(dropped === null ? {} : { droppedAttributesCount: dropped }),
  }));

const link: fc.Arbitrary<Link> = fc
  .record({
    context: context(traceId),
    attributes: fc.option(attributes),
    dropped: fc.option(count),
  })
  .map(({ context: to, attributes: a, dropped }) => ({
    context: to,
    ...(a === null ? {} : { attributes: a }),
    ...(dropped === null ? {} : { droppedAttributesCount: dropped }),
  }));

const scope = fc
  .record(
    {
      name: text,
      version: text,
      schemaUrl: text,
      attributes,
      droppedAttributesCount: count,
    },
    { requiredKeys: ["name"] },
  )
  .map((made) => made as ReadableSpan["instrumentationScope"]);

const resource = fc
  .tuple(attributes, fc.constantFrom(undefined, "https://opentelemetry.io/schemas/1.41.0"))
  .map(([a, schemaUrl]) => resourceFromAttributes(a, schemaUrl === undefined ? {} : { schemaUrl }));

const contentKey = (of: unknown): string =>
  JSON.stringify(of, (_, item) => (typeof item === "bigint" ? `${item}n` : item));

interface Parts {
  resources: readonly ReadableSpan["resource"][];
  scopes: readonly ReadableSpan["instrumentationScope"][];
  traceIds: readonly string[];
}

function span({ resources, scopes, traceIds }: Parts): fc.Arbitrary<ReadableSpan> {
  return fc
    .record({
      name: text,
      kind: fc.integer({ min: 0, max: 4 }),
      context: context(fc.constantFrom(...traceIds)),
      parent: fc.option(context(fc.constantFrom(...traceIds))),
      startTime: time,
      durationNs: fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs)),
      code: fc.integer({ min: 0, max: 2 }),
      message: fc.option(text),
      attributes,
      events: fc.array(event, { maxLength: 3 }),
      links: fc.array(link, { maxLength: 3 }),
      resource: fc.constantFrom(...resources),
      instrumentationScope: fc.constantFrom(...scopes),
      droppedAttributesCount: count,
      droppedEventsCount: count,
      droppedLinksCount: count,
    })
    .map(({ context: own, parent, durationNs, code, message, startTime, ...rest }) => {
      const endNs = startTime[1] + (durationNs % 1e9);
      const endS = startTime[0] + Math.floor(durationNs / 1e9) + Math.floor(endNs / 1e9);
      return {
        ...rest,
        spanContext: () => own,
        ...(parent === null ? {} : { parentSpanContext: { ...parent, traceId: own.traceId } }),
        startTime,
        endTime: [endS, endNs % 1e9] as HrTime,
        duration: [Math.floor(durationNs / 1e9), durationNs % 1e9],
        ended: true,
        status: { code, ...(message === null ? {} : { message }) },
      };
    });
}

/** A batch as a processor hands it over: resources and scopes shared, no span twice. */
export const arbitrarySpans: fc.Arbitrary<ReadableSpan[]> = fc
  .record({
    resources: fc.uniqueArray(resource, {
      minLength: 1,
      maxLength: 2,
      selector: (r) => contentKey([r.attributes, r.schemaUrl]),
    }),
    scopes: fc.uniqueArray(scope, { minLength: 1, maxLength: 3, selector: contentKey }),
    traceIds: fc.array(traceId, { minLength: 1, maxLength: 3 }),
  })
  .chain((parts) =>
    fc.uniqueArray(span(parts), {
      minLength: 1,
      maxLength: 5,
      selector: (made) => made.spanContext().traceId + made.spanContext().spanId,
    }),
  );
