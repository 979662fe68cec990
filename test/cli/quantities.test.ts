import { expect, test } from "bun:test";
import {
  decimalUsd,
  formatChange,
  formatCount,
  formatDuration,
  formatUsd,
} from "../../src/cli/quantities.ts";

test("durations are rounded before their unit is chosen", () => {
  const texts = [0, 0.4, 999.4, 999.6, 59_949, 59_951, 3_599_499, 3_599_501, 1e9].map(
    formatDuration,
  );
  expect(texts).toEqual([
    ...["0 ms", "0 ms", "999 ms", "1.0 s", "59.9 s", "1 min 0 s", "59 min 59 s", "1 h 0 min"],
    "277 h 46 min",
  ]);
});

test("dollars are rounded, but never to 0", () => {
  const texts = [null, 0, 1, 49_999, 50_000, 99_999_949_999, 99_999_950_000, 1_234_567e9].map(
    formatUsd,
  );
  expect(texts).toEqual([
    ...["?", "$0.0000", "<$0.0001", "<$0.0001", "$0.0001", "$99.9999", "$100.0000"],
    "$1,234,567.00",
  ]);
});

test("a spreadsheet gets every nano-dollar", () => {
  expect([0, 1, 1_200_000_000, 9_007_199_254_740_991].map(decimalUsd)).toEqual([
    ...["0", "0.000000001", "1.2", "9007199.254740991"],
  ]);
  expect(formatCount(1_234_567_890_123)).toBe("1,234,567,890,123");
});

test("a change says its direction, however small", () => {
  expect(formatChange(100, 150)).toBe("+50 %");
  expect(formatChange(1000, 997)).toBe("−0.3 %");
  expect(formatChange(1_000_000, 1_000_001)).toBe("≈");
  expect(formatChange(5, 5)).toBe("=");
  expect(formatChange(0, 5)).toBe("new");
  expect(formatChange(null, 5)).toBe("?");
});
