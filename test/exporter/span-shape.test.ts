import { describe, expect, test } from "bun:test";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { spanShape } from "../../src/exporter/span-shape.ts";
import { readableSpan } from "../support/readable-span.ts";

const resource = resourceFromAttributes({ "service.name": "bot" });
const instrumentationScope = { name: "test" };
const work = { name: "work", resource, instrumentationScope };

describe("spans of one name", () => {
  test("that have all else in common are of one shape", () => {
    const first = spanShape(readableSpan({ ...work, attributes: { a: 1, b: 2 } }));
    expect(spanShape(readableSpan({ ...work, attributes: { a: 3, b: 4 } }))).toBe(first);
  });

  test("with other keys, or the same keys in another order, keep theirs", () => {
    const keys = (attributes: Record<string, number>) =>
      spanShape(readableSpan({ ...work, attributes })).attributeKeys;
    expect(keys({ a: 1, b: 2 })).toBe('["a","b"]');
    expect(keys({ b: 2, a: 1 })).toBe('["b","a"]');
    expect(keys({ a: 1 })).toBe('["a"]');
    expect(keys({ a: 1, b: 2 })).toBe('["a","b"]');
  });

  test("of another kind, scope or resource keep theirs", () => {
    const other = { ...work, instrumentationScope: { name: "other" } };
    const elsewhere = { ...work, resource: resourceFromAttributes({ "service.name": "web" }) };
    const shapes = [work, { ...work, kind: 3 }, other, elsewhere, work].map((changes) => {
      const { kind, scope, resource: text } = spanShape(readableSpan(changes));
      return [kind, scope, text];
    });
    const bot = '{"attributes":{"service.name":"bot"}}';
    expect(shapes).toEqual([
      [0, '{"name":"test"}', bot],
      [3, '{"name":"test"}', bot],
      [0, '{"name":"other"}', bot],
      [0, '{"name":"test"}', '{"attributes":{"service.name":"web"}}'],
      [0, '{"name":"test"}', bot],
    ]);
  });
});

test("a resource whose detectors are still at work is read again for every span", async () => {
  let detected: (id: string) => void = () => {};
  const id = new Promise<string>((resolve) => {
    detected = resolve;
  });
  const pending = resourceFromAttributes({ "host.id": id });
  const text = (): string => spanShape(readableSpan({ ...work, resource: pending })).resource;
  expect(text()).toBe('{"attributes":{}}');
  detected("vm");
  await pending.waitForAsyncAttributes?.();
  expect(text()).toBe('{"attributes":{"host.id":"vm"}}');
});

test("a name that is too long is cut", () => {
  const { name } = spanShape(readableSpan({ ...work, name: "x".repeat(5000) }));
  expect(name).toBe(`${"x".repeat(4096)}…[truncated 904]`);
});
