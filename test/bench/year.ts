/**
 * A simulated year of a busy bot: 2 million spans through one file, on an injected clock.
 * `bun test/bench/year.ts [SPANS]` prints what the file came to, and fails where the totals are off.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simulateYear } from "../support/simulated-year.ts";

const DAYS = 365;
const spans = Number(process.argv[2] ?? 2_000_000);
const directory = mkdtempSync(join(tmpdir(), "spanledger-year-"));
const beganMs = performance.now();
try {
  const result = simulateYear({
    path: join(directory, "year.db"),
    days: DAYS,
    spansPerDay: Math.ceil(spans / DAYS),
    retentionDays: 90,
    maxDbBytes: Math.ceil(spans * 50),
  });
  console.log({ ...result, seconds: Math.round((performance.now() - beganMs) / 1000) });
  if (!result.isExact) process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true });
}
