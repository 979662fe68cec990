import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TextBuffer, written } from "../../src/cli/text-buffer.ts";

const COUNT = fc.oneof(
  fc.nat(),
  fc.nat({ max: 2000 }),
  fc.maxSafeNat(),
  fc.integer({ min: 0, max: 15 }).chain((power) => fc.constantFrom(10 ** power, 10 ** power - 1)),
);

describe("a text buffer", () => {
  test("writes counts as en-US does", () => {
    fc.assert(
      fc.property(COUNT, (count) => {
        expect(written((out) => out.count(count))).toBe(count.toLocaleString("en-US"));
      }),
    );
  });

  test("writes what is no count as JavaScript does", () => {
    for (const number of [-5, 0.5, 1e21, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(written((out) => out.count(number))).toBe(String(number));
    }
  });

  test("writes digits with zeros in front, and the last ones only", () => {
    expect(written((out) => out.digits(7, 4).text(" ").digits(59, 1))).toBe("0007 9");
  });

  test("holds any texts, however long, and knows how wide they are", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ maxLength: 600 }));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 5 }), (texts) => {
        const out = new TextBuffer();
        for (const each of texts) out.append(new TextBuffer().text(each));
        expect(out.toString()).toBe(texts.join(""));
        expect(new TextDecoder("utf-8", { ignoreBOM: true }).decode(out.bytes)).toBe(
          texts.join(""),
        );
        expect(out.columns).toBe(texts.reduce((sum, each) => sum + Bun.stringWidth(each), 0));
      }),
    );
  });
});
