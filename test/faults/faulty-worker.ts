/** The Worker that writes spans, which crashes or hangs a moment after it has started. */
import "../../src/exporter/spanledger-worker.ts";

const [fault, delayMs] = process.argv.slice(2);
const HANG_MS = 1500;

setTimeout(
  () => {
    if (fault === "crash") throw new Error("a Worker's end");
    const endMs = performance.now() + HANG_MS;
    while (performance.now() < endMs);
  },
  Number(delayMs ?? 0),
);
