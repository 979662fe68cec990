/** The thread that owns the connection, as in a host: batches as they come, maintenance in between. */
import { Store } from "../../src/store/store.ts";
import { BusyBot } from "../support/busy-bot.ts";
import { longer, NO_TIME, stopwatch, watchLocks } from "./lock-watch.ts";
import { LIVE_SEED, LIVE_SPANS, type PurgeResult, type PurgeTask } from "./purge-task.ts";

declare const self: Worker;

const TICK_MS = 50;
/** As the exporter's Worker rests between two steps. */
const PAUSE_MS = 5;
const RETENTION_MS = 90 * 86_400_000;
const MIN_MS = 3000;

self.onmessage = async ({ data }: MessageEvent<PurgeTask>) => {
  const longestLock = watchLocks();
  const store = new Store({ path: data.path, writer: "host", busyTimeoutMs: 250 });
  const maintainer = store.maintainer({ retentionMs: RETENTION_MS, maxDbBytes: 0 });
  const bot = new BusyBot(LIVE_SEED);
  const beganMs = performance.now();
  let [longestWrite, longestStep] = [NO_TIME, NO_TIME];
  let written = 0;
  for (let isDone = false; !isDone; ) {
    const tickEndMs = performance.now() + TICK_MS;
    const due = ((performance.now() - beganMs) / 1000) * data.spansPerSecond;
    while (written < due) {
      const rows = Array.from({ length: 10 }, () => bot.run(Date.now(), LIVE_SPANS)).flat();
      const stop = stopwatch();
      written += store.write(rows, Date.now()).written;
      longestWrite = longer(longestWrite, stop());
    }
    while (performance.now() < tickEndMs && !isDone) {
      const stop = stopwatch();
      const { didWork } = maintainer.step(Date.now());
      longestStep = longer(longestStep, stop());
      isDone = !didWork && performance.now() - beganMs > MIN_MS;
      await Bun.sleep(PAUSE_MS);
    }
    await Bun.sleep(Math.max(0, tickEndMs - performance.now()));
  }
  const seconds = (performance.now() - beganMs) / 1000;
  const purgedSpans = maintainer.report().purged.spans;
  store.close();
  const result: PurgeResult = {
    seconds,
    written,
    purgedSpans,
    longestLock: longestLock(),
    longestWrite,
    longestStep,
  };
  self.postMessage(result);
};
