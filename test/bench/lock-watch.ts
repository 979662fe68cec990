/** How long the transactions of a thread hold the write lock: from when it was granted until the commit is over. */
import { Database } from "bun:sqlite";
import { waitedMs } from "../support/waited-ms.ts";

/** A length of time as a clock has it, and the same without waiting for a core. */
export interface Span {
  wallMs: number;
  ownMs: number;
}

/** Begins a span; what is returned ends it. */
export function stopwatch(): () => Span {
  const [startMs, startWaitedMs] = [performance.now(), waitedMs()];
  return () => {
    const wallMs = performance.now() - startMs;
    return { wallMs, ownMs: Math.max(0, wallMs - (waitedMs() - startWaitedMs)) };
  };
}

export const NO_TIME: Span = { wallMs: 0, ownMs: 0 };

/** The longest of both, each by its own measure. */
export function longer(a: Span, b: Span): Span {
  return { wallMs: Math.max(a.wallMs, b.wallMs), ownMs: Math.max(a.ownMs, b.ownMs) };
}

type Transaction = ReturnType<Database["transaction"]>;

/** Watches every `BEGIN IMMEDIATE` of this thread from now on. @returns what tells the longest so far. */
export function watchLocks(): () => Span {
  let longest = NO_TIME;
  const original = Database.prototype.transaction;
  Database.prototype.transaction = function transaction(this: Database, run: () => unknown) {
    let stop = (): Span => NO_TIME;
    const inner = original.call(this, () => {
      stop = stopwatch();
      return run();
    }) as Transaction;
    const immediate = (): unknown => {
      const result = inner.immediate();
      longest = longer(longest, stop());
      return result;
    };
    return { deferred: () => inner.deferred(), immediate };
  } as unknown as Database["transaction"];
  return () => longest;
}
