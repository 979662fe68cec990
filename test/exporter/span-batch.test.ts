import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeBatch, encodeBatch } from "../../src/exporter/span-batch.ts";
import type { SpanRecord } from "../../src/exporter/span-record.ts";
import type { SpanShape } from "../../src/store/rows.ts";
import { spanRecordOf } from "../support/writers.ts";

const text = fc.string({ unit: "grapheme" });
/** As records have it: JSON, of whatever text. */
const json = text.map((value) => JSON.stringify({ value }));
const shape: fc.Arbitrary<SpanShape> = fc.record({
  name: text,
  kind: fc.nat(4),
  resource: json,
  scope: json,
  attributeKeys: json,
});
const record: fc.Arbitrary<SpanRecord> = fc
  .record({
    shape,
    attributeValues: json,
    detail: fc.option(json),
    traceId: text,
    parentSpanId: fc.option(text),
    durationNs: fc.maxSafeNat(),
    startS: fc.nat(),
  })
  .map((changes) => ({ ...spanRecordOf(1), ...changes }));

test("a batch comes back as it was", () => {
  fc.assert(
    fc.property(fc.array(record), (records) => {
      expect(decodeBatch(encodeBatch(records))).toEqual(records);
    }),
  );
});

test("spans of one shape share it when they come back too", () => {
  const [first, second] = [spanRecordOf(1), spanRecordOf(2)];
  const [a, b, c] = decodeBatch(
    encodeBatch([first, { ...second, shape: first.shape }, spanRecordOf(3, { name: "other" })]),
  );
  expect(b?.shape).toBe(a?.shape as SpanShape);
  expect(c?.shape.name).toBe("other");
});

test("what all spans of a batch share is in it once", () => {
  const resource = '{"attributes":{"service.name":"a-name-to-look-for"}}';
  const batch = encodeBatch([spanRecordOf(1, { resource }), spanRecordOf(2, { resource })]);
  expect(batch.split("a-name-to-look-for")).toHaveLength(2);
});
