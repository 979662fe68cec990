import { expect, test } from "bun:test";
import { join } from "node:path";
import { simulateYear } from "../support/simulated-year.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

// A hundredth of `bun test/bench/year.ts`.
test("a bot's year: file and WAL stay within their bounds, and every nano-dollar is accounted for", () => {
  const maxDbBytes = 3_000_000;
  const result = simulateYear({
    path: join(tempDir(), "year.db"),
    days: 365,
    spansPerDay: 55,
    retentionDays: 90,
    maxDbBytes,
  });
  expect(result.isExact).toBe(true);
  expect(result.purgedTraces).toBeGreaterThan(500);
  expect(result.lateSpans).toBeGreaterThan(50);
  expect(result.largestFileBytesUnderLimit).toBeLessThan(maxDbBytes);
  expect(result.largestWalBytes).toBeLessThan(16 * 1024 * 1024);
}, 120_000);
