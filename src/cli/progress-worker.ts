import { statSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import type { ProgressFile, ProgressStart } from "./progress.ts";

const FIRST_MS = 1000;
const EVERY_MS = 200;
const STDERR = 2;

const { label, isDone } = workerData as ProgressStart;
const beganMs = performance.now();
let file: ProgressFile | null = null;

function share(): string {
  if (!file) return "";
  const size = statSync(file.path, { throwIfNoEntry: false })?.size ?? file.bytes;
  return ` ${Math.min(100, Math.floor((100 * size) / Math.max(1, file.bytes)))} %`;
}

function draw(): void {
  if (Atomics.load(new Int32Array(isDone), 0) === 1) return;
  const seconds = Math.floor((performance.now() - beganMs) / 1000);
  writeSync(STDERR, `\r\u001b[K${label}${share()} (${seconds} s)`);
  setTimeout(draw, EVERY_MS);
}

parentPort?.on("message", (message: ProgressFile) => {
  file = message;
});
setTimeout(draw, FIRST_MS);
