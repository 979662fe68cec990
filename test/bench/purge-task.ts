/** What the thread that purges is given, and what it answers. */
import type { Span } from "./lock-watch.ts";

/** Of the bot whose runs are written meanwhile. */
export const LIVE_SEED = 7;
export const LIVE_SPANS = 10;

export interface PurgeTask {
  path: string;
  spansPerSecond: number;
}

export interface PurgeResult {
  seconds: number;
  written: number;
  purgedSpans: number;
  /** Of all its transactions: batches, and steps of the purge. */
  longestLock: Span;
  /** Until a batch was in, waits for other processes' locks included. */
  longestWrite: Span;
  /** A step's reading too, which takes no lock. */
  longestStep: Span;
}
