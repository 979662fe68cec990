import { expect, test } from "bun:test";
import fc from "fast-check";
import { groupThousands } from "../../src/report/thousands.ts";

test("thousands are apart as in en-US", () => {
  fc.assert(
    fc.property(fc.oneof(fc.nat(), fc.maxSafeNat()), (count) => {
      expect(groupThousands(count)).toBe(count.toLocaleString("en-US"));
    }),
  );
});
