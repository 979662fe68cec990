/** Time as the writer sees it: a test gives its own. */
export interface Timers {
  now(): number;
  /** Runs once after the delay. @returns the way to call it off. */
  after(delayMs: number, run: () => void, keepsProcessAlive: boolean): () => void;
  /** Blocks this thread: only at the end of a process. */
  sleep(delayMs: number): void;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** The machine's time. It never runs backwards, whatever the wall clock does. */
export const machineTimers: Timers = {
  now: () => performance.now(),
  after(delayMs, run, keepsProcessAlive) {
    const timer = setTimeout(run, delayMs);
    if (!keepsProcessAlive) timer.unref();
    return () => clearTimeout(timer);
  },
  sleep(delayMs) {
    Atomics.wait(sleeper, 0, 0, delayMs);
  },
};
