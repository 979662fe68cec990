/**
 * The end of a process: what is still queued is written in `beforeExit`, where there is time, and in
 * `exit`, where nothing asynchronous runs any more, bounded. The exit code is not touched.
 */

export interface Drainable {
  /** Resolves once all is in the file, or at a deadline. Never rejects. */
  forceFlush(): Promise<void>;
  flushSync(deadlineMs: number): void;
  closeSync(deadlineMs: number): void;
  health(): { queued: number };
}

const SYNC_DEADLINE_MS = 2000;
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

function guarded(run: () => void): void {
  try {
    run();
  } catch {
    // The process ends for reasons of its own.
  }
}

/**
 * Drains `target` when the process ends.
 * @param onSignals whether also SIGTERM, SIGINT and SIGHUP drain; they then end the process as ever,
 * unless the host listens to them itself.
 * @returns the way to call it off.
 */
export function drainAtExit(target: Drainable, onSignals: boolean): () => void {
  let hasDrained = false;
  const beforeExit = (): void => {
    // Once: a file that does not take them must not keep the process from ending.
    if (hasDrained || target.health().queued === 0) return;
    hasDrained = true;
    void target.forceFlush();
  };
  const exit = (): void => guarded(() => target.closeSync(SYNC_DEADLINE_MS));
  const signal = (name: NodeJS.Signals): void => {
    guarded(() => target.flushSync(SYNC_DEADLINE_MS));
    if (process.listenerCount(name) > 1) return;
    process.off(name, signal);
    process.kill(process.pid, name);
  };
  const signals = onSignals ? SIGNALS : [];
  process.on("beforeExit", beforeExit);
  process.on("exit", exit);
  for (const name of signals) process.on(name, signal);
  return () => {
    process.off("beforeExit", beforeExit);
    process.off("exit", exit);
    for (const name of signals) process.off(name, signal);
  };
}
