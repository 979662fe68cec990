/**
 * Progress on a terminal for what keeps this thread busy: a thread of its own looks at a file growing
 * and draws a line after the first second. It opens no database.
 */
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";

/** What the drawing thread is given. */
export interface ProgressStart {
  label: string;
  /** 1 once the work is done. */
  isDone: SharedArrayBuffer;
}

export interface ProgressFile {
  path: string;
  bytes: number;
}

/** From now on the work is done when this file has this length. */
export type WatchFile = (file: ProgressFile) => void;

const CLEAR_LINE = "\r\u001b[K";

/** Does the work, and meanwhile draws on stderr; nothing where stderr is no terminal. */
export function withProgress<T>(label: string, work: (watch: WatchFile) => T): T {
  if (!process.stderr.isTTY) return work(() => {});
  const isDone = new SharedArrayBuffer(4);
  const workerData: ProgressStart = { label, isDone };
  // Not `new URL(…)`: in the package `import.meta.url` is a path (build.ts), which `createRequire` takes as well.
  const module = createRequire(import.meta.url).resolve("./progress-worker");
  const worker = new Worker(module, { workerData });
  worker.unref();
  try {
    return work((file) => worker.postMessage(file));
  } finally {
    Atomics.store(new Int32Array(isDone), 0, 1);
    process.stderr.write(CLEAR_LINE);
    void worker.terminate();
  }
}
