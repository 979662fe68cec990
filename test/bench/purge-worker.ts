/** The thread that owns the connection, as in a host: batches as they come, maintenance in between. */
import { Store } from "../../src/store/store.ts";
import { BusyBot } from "../support/busy-bot.ts";

declare const self: Worker;

const TICK_MS = 50;
/** As the exporter's Worker rests between two steps. */
const PAUSE_MS = 5;
const RETENTION_MS = 90 * 86_400_000;

self.onmessage = async ({ data }: MessageEvent<{ path: string; spansPerSecond: number }>) => {
  const store = new Store({ path: data.path, writer: "host", busyTimeoutMs: 250 });
  const maintainer = store.maintainer({ retentionMs: RETENTION_MS, maxDbBytes: 0 });
  const bot = new BusyBot(7);
  const beganMs = performance.now();
  const writesMs: number[] = [];
  const stepsMs: number[] = [];
  let written = 0;
  for (let isDone = false; !isDone; ) {
    const tickEndMs = performance.now() + TICK_MS;
    const due = ((performance.now() - beganMs) / 1000) * data.spansPerSecond;
    while (written < due) {
      const rows = Array.from({ length: 10 }, () => bot.run(Date.now(), 10)).flat();
      const startMs = performance.now();
      written += store.write(rows, Date.now()).written;
      writesMs.push(performance.now() - startMs);
    }
    while (performance.now() < tickEndMs && !isDone) {
      const startMs = performance.now();
      const { didWork } = maintainer.step(Date.now());
      stepsMs.push(performance.now() - startMs);
      isDone = !didWork && performance.now() - beganMs > 3000;
      await Bun.sleep(PAUSE_MS);
    }
    await Bun.sleep(Math.max(0, tickEndMs - performance.now()));
  }
  const seconds = (performance.now() - beganMs) / 1000;
  const report = maintainer.report();
  store.close();
  writesMs.sort((a, b) => a - b);
  stepsMs.sort((a, b) => a - b);
  self.postMessage({
    written,
    seconds,
    steps: stepsMs.length,
    p999StepMs: stepsMs[Math.floor(stepsMs.length * 0.999)],
    longestStepMs: stepsMs.at(-1),
    longestWriteMs: writesMs.at(-1),
    p99WriteMs: writesMs[Math.floor(writesMs.length * 0.99)],
    purged: report.purged,
    releasedBytes: report.releasedBytes,
    longestLockMs: report.longestLockMs,
  });
};
