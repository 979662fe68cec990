/** The typed value of one group of a cost report, from its sums. */
import { SUM_INDEX, type SumGroup } from "../store/cost-sums.ts";
import { type Percentiles, percentilesMs } from "../store/duration-histogram.ts";
import type { Dimension } from "./dimensions.ts";

/** Sums over runs, and over model calls outside any run. Tokens are counts. */
export interface CostSums {
  /** Runs; grouped or filtered by provider or model, the runs that used it, once for each provider of a model. */
  runs: number;
  /** Those that ended as a failure or an error. */
  failures: number;
  /** Uncached input. */
  inputTokens: number;
  /** Input read from the cache; no part of `inputTokens`. */
  cacheReadTokens: number;
  /** Input written to the cache; no part of `inputTokens`. */
  cacheCreationTokens: number;
  /** All output, reasoning included. */
  outputTokens: number;
  /** Part of `outputTokens`. */
  reasoningTokens: number;
  /** Cache reads as a share (0 to 1) of all input; null without input. */
  cacheHitShare: number | null;
  /** What is known of the cost, in nano-dollars, exact up to 2^53 (9 million dollars); null where nothing is. */
  costNanoUsd: number | null;
  /** The same in dollars. */
  costUsd: number | null;
  /** Null where no cost is known, or there is no run. */
  costPerRunUsd: number | null;
  /** Half of the runs took no longer, to within 1 %; null where no duration is known any more. */
  p50DurationMs: number | null;
  /** The same for 95 of 100 runs. */
  p95DurationMs: number | null;
  /** Uses of a model whose cost is unknown, and so missing from the sum. */
  unpriced: number;
  /** The share (0 to 1) of the cost that was computed from prices, not reported; null where no cost is known. */
  estimatedShare: number | null;
}

/** The sums of one group. */
export interface CostGroup extends CostSums {
  /** The group's value for each dimension, as text; null where it is unknown. A week is its Monday. */
  key: Record<string, string | null>;
}

const {
  runs: RUNS,
  failures: FAILURES,
  input_tokens: INPUT,
  cache_read_tokens: CACHE_READ,
  cache_creation_tokens: CACHE_CREATION,
  output_tokens: OUTPUT,
  reasoning_tokens: REASONING,
  cost_nano_usd: COST,
  estimated_cost_nano_usd: ESTIMATED,
  uses: USES,
  unpriced: UNPRICED,
} = SUM_INDEX;

/** `row` has the sums from `offset` on, in the order of `SUM_NAMES`; those that it does not have are 0. */
export function costGroup(
  key: CostGroup["key"],
  row: readonly unknown[],
  offset: number,
  { p50Ms, p95Ms }: Percentiles,
): CostGroup {
  const sums = row as readonly (number | undefined)[];
  const runs = sums[offset + RUNS] ?? 0;
  const inputTokens = sums[offset + INPUT] ?? 0;
  const cacheReadTokens = sums[offset + CACHE_READ] ?? 0;
  const cacheCreationTokens = sums[offset + CACHE_CREATION] ?? 0;
  const unpriced = sums[offset + UNPRICED] ?? 0;
  const allInput = inputTokens + cacheReadTokens + cacheCreationTokens;
  const isPriced = (sums[offset + USES] ?? 0) > unpriced;
  const costNanoUsd = isPriced ? (sums[offset + COST] ?? 0) : null;
  const costUsd = costNanoUsd === null ? null : costNanoUsd / 1e9;
  const estimatedNanoUsd = sums[offset + ESTIMATED] ?? 0;
  return {
    key,
    runs,
    failures: sums[offset + FAILURES] ?? 0,
    inputTokens,
    cacheReadTokens,
    cacheCreationTokens,
    outputTokens: sums[offset + OUTPUT] ?? 0,
    reasoningTokens: sums[offset + REASONING] ?? 0,
    cacheHitShare: allInput === 0 ? null : cacheReadTokens / allInput,
    costNanoUsd,
    costUsd,
    costPerRunUsd: costUsd === null || runs === 0 ? null : costUsd / runs,
    p50DurationMs: p50Ms,
    p95DurationMs: p95Ms,
    unpriced,
    estimatedShare:
      costNanoUsd === null ? null : costNanoUsd === 0 ? 0 : estimatedNanoUsd / costNanoUsd,
  };
}

/** The same for a group of several parts. */
export function costGroupOf(
  by: readonly Dimension[],
  { keys, sums, durations }: SumGroup,
): CostGroup {
  const key: CostGroup["key"] = {};
  by.forEach((name, index) => {
    const value = keys[index] ?? null;
    key[name] = value === null ? null : String(value);
  });
  return costGroup(key, sums, 0, percentilesMs(durations));
}
