import { describe, expect, test } from "bun:test";
import {
  attributeJson,
  attributeKeys,
  attributeObject,
  attributeValues,
  cleanText,
  MAX_SPAN_LENGTH,
  MAX_TEXT_LENGTH,
} from "../../src/exporter/attribute-json.ts";
import type { TypeNote } from "../../src/store/rows.ts";

describe("text is made good", () => {
  test("lone surrogates and NUL become the replacement character, all else stays", () => {
    expect(cleanText("a\ud800b\0c\u202ed\u{1f600}")).toBe("a\ufffdb\ufffdc\u202ed\u{1f600}");
  });

  test("what is cut says how much, even where the cut splits a pair", () => {
    expect(cleanText("x".repeat(12), 10)).toBe("xxxxxxxxxx…[truncated 2]");
    expect(cleanText("\u{1f600}\u{1f600}", 3)).toBe("\u{1f600}\ufffd…[truncated 1]");
  });

  test("10 MB in one attribute are cut, and 128 attributes of 1 MB share one budget", () => {
    const { values } = attributeJson({ big: "x".repeat(10_000_000) });
    expect((values[0] as string).length).toBeLessThan(MAX_TEXT_LENGTH + 32);
    const many: Record<string, string> = {};
    for (let i = 0; i < 128; i += 1) many[`k${i}`] = "y".repeat(1_000_000);
    const text = JSON.stringify(attributeJson(many).values);
    expect(text.length).toBeLessThan(MAX_SPAN_LENGTH + 2 * MAX_TEXT_LENGTH);
  });

  test("of what comes when even short texts are too many, only the length is kept", () => {
    const { values } = attributeJson({
      many: Array.from({ length: 10_000 }, () => "z".repeat(300)),
    });
    expect((values[0] as string[]).at(-1)).toBe("…[truncated 300]");
    expect(JSON.stringify(values).length).toBeLessThan(3 * MAX_SPAN_LENGTH);
  });
});

describe("values that JSON cannot say keep their type in a note", () => {
  const cases: [string, unknown, unknown, TypeNote | null][] = [
    ["NaN", Number.NaN, "NaN", "double"],
    ["infinity", Number.NEGATIVE_INFINITY, "-Infinity", "double"],
    ["NaN in an array", [1, Number.NaN], [1, "NaN"], { 1: "double" }],
    ["bytes deep inside", { a: [new Uint8Array([1])] }, { a: ["AQ=="] }, { a: { 0: "bytes" } }],
    ["2^63 - 1", 2n ** 63n - 1n, "9223372036854775807", "int64"],
    ["beyond 64 bits", 2n ** 64n + 1n, "1", "int64"],
    ["bytes", new Uint8Array([1, 2, 255]), "AQL/", "bytes"],
    ["a plain number", 0.1, 0.1, null],
    ["null in an array", [null, "a"], [null, "a"], null],
    ["an object", { a: { b: [true] } }, { a: { b: [true] } }, null],
  ];
  for (const [name, value, json, note] of cases) {
    test(name, () => {
      const { values, types } = attributeJson({ k: value });
      expect(JSON.parse(JSON.stringify(values))).toEqual([json]);
      expect(types?.["k"] ?? null).toEqual(note);
    });
  }
});

describe("keys are data", () => {
  test("__proto__, constructor and the empty key are kept as own keys and pollute nothing", () => {
    const hostile = JSON.parse('{"__proto__": "p", "constructor": "c", "toString": "t", "": "e"}');
    expect(attributeJson(hostile)).toEqual({
      keys: ["__proto__", "constructor", "toString", ""],
      values: ["p", "c", "t", "e"],
      types: null,
    });
    expect(JSON.stringify(attributeObject(hostile))).toBe(
      '{"attributes":{"__proto__":"p","constructor":"c","toString":"t","":"e"}}',
    );
    expect(({} as Record<string, unknown>)["p"]).toBeUndefined();
  });

  test("inherited keys are not attributes", () => {
    expect(attributeJson(Object.create({ inherited: 1 })).keys).toEqual([]);
  });

  test("an object that contains itself ends", () => {
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    expect(JSON.stringify(attributeJson({ circle }).values)).toContain("[nested too deep]");
  });
});

describe("as text", () => {
  const cases: Record<string, object> = {
    "plain values": { a: "x", b: 1.5, c: true, d: ["y", 2, false], e: -0 },
    "values to clean": { a: "a\ud800b\0c", b: Number.NaN, c: ["\0"], d: { deep: 1 } },
    "values that look escaped": { a: "\\u0000", b: "C:\\users" },
    "long text": { a: "x".repeat(MAX_TEXT_LENGTH + 1) },
    "keys to clean": { "a\0": 1 },
  };
  for (const [name, attributes] of Object.entries(cases)) {
    test(`${name} are written as the values themselves would be`, () => {
      const { keys, values, types } = attributeJson(attributes);
      expect(attributeValues(attributes)).toEqual({ values: JSON.stringify(values), types });
      expect(attributeKeys(Object.keys(attributes))).toBe(JSON.stringify(keys));
    });
  }
});
