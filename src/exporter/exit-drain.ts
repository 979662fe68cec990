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
/** Marks our listeners: several drains, even of several copies of this module, are no host that listens. */
const IS_DRAIN: symbol = Symbol.for("spanledger.drain");

function guarded(run: () => void): void {
  try {
    run();
  } catch {
    // The process ends for reasons of its own.
  }
}

function hostListens(name: NodeJS.Signals): boolean {
  return process.listeners(name).some((listener) => !(IS_DRAIN in listener));
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
    if (hostListens(name)) return;
    process.off(name, signal);
    if (process.listenerCount(name) === 0) process.kill(process.pid, name); // The last drain of several.
  };
  Object.assign(signal, { [IS_DRAIN]: true });
  const signals = onSignals ? SIGNALS : [];
  process.on("beforeExit", beforeExit);
  process.on("exit", exit);
  // First in line: a host that listens once has left the list when its own turn comes.
  for (const name of signals) process.prependListener(name, signal);
  return () => {
    process.off("beforeExit", beforeExit);
    process.off("exit", exit);
    for (const name of signals) process.off(name, signal);
  };
}
