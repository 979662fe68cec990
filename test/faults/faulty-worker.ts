/** The Worker that writes spans, which crashes or hangs over its n-th request. */
import type { WorkerStart } from "../../src/exporter/worker-link.ts";
import "../../src/exporter/spanledger-worker.ts";

declare const self: Worker;

const [fault, requests] = process.argv.slice(2);
const HANG_MS = 1500;

let left = Number(requests);
const serve = self.onmessage;
self.onmessage = (event: MessageEvent<WorkerStart>): void => {
  event.data.port.on("message", () => {
    left -= 1;
    if (left !== 0) return;
    if (fault === "crash") throw new Error("a Worker's end");
    Bun.sleepSync(HANG_MS);
  });
  serve?.call(self, event);
};
