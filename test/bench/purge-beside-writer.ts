/**
 * Purges 1 million spans while the same thread writes 2,000 spans a second and another process writes
 * too: how long the host's event loop stood still, how long anyone waited for the lock, what was lost.
 * `bun test/bench/purge-beside-writer.ts [SPANS]`
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "../../src/store/store.ts";
import { BusyBot } from "../support/busy-bot.ts";
import { waitedMs } from "../support/waited-ms.ts";

const [, , first, otherPath, fillSpans] = process.argv;

/** The other process: takes the lock ten times a second and says how long that took. */
async function waitForLocks(path: string): Promise<void> {
  const db = new Database(path);
  db.run("PRAGMA busy_timeout = 0");
  const waitsMs: number[] = [];
  let isStopped = false;
  process.on("SIGTERM", () => {
    isStopped = true;
  });
  while (!isStopped) {
    const startMs = performance.now();
    for (;;) {
      try {
        db.run("BEGIN IMMEDIATE");
        break;
      } catch {
        Bun.sleepSync(0.25); // Not a busy loop: it would take the processor from the one it waits for.
      }
    }
    waitsMs.push(performance.now() - startMs);
    db.run("ROLLBACK");
    await Bun.sleep(7);
  }
  waitsMs.sort((a, b) => a - b);
  const at = (share: number): number => waitsMs[Math.floor((waitsMs.length - 1) * share)] ?? 0;
  console.log(
    JSON.stringify({
      samples: waitsMs.length,
      p50: at(0.5),
      p99: at(0.99),
      p999: at(0.999),
      max: at(1),
    }),
  );
  db.close(true);
}

function fill(path: string, spans: number): void {
  const store = new Store({ path, writer: "past", busyTimeoutMs: 1000 });
  const bot = new BusyBot(3);
  const endMs = Date.now() - 100 * 86_400_000;
  while (bot.spans < spans) {
    const rows = Array.from({ length: 100 }, () => bot.run(endMs + bot.spans, 20)).flat();
    store.write(rows, Date.now());
    if (store.isCheckpointDue(Date.now())) store.checkpoint(Date.now());
  }
  store.close();
}

function sums(path: string): unknown {
  const db = new Database(path, { readonly: true });
  const sql = `SELECT (SELECT sum(cost_nano_usd) FROM usage_rows WHERE counted)
      + coalesce((SELECT sum(cost_nano_usd) FROM usage_daily), 0) AS nano_usd,
    (SELECT count(*) FROM executions) + coalesce((SELECT sum(runs) FROM usage_daily), 0) AS runs,
    (SELECT count(*) FROM span_rows) AS spans`;
  const row = db.query(sql).get();
  db.close(true);
  return row;
}

let stopWatching: () => void = () => {};

/** The longest time between two ticks of this thread, and the same without waiting for a core. */
interface Gap {
  wallMs: number;
  ownMs: number;
}

/** Over some milliseconds, or until stopped. */
function longestGap(durationMs: number | null): Promise<Gap> {
  return new Promise((resolve) => {
    const longest: Gap = { wallMs: 0, ownMs: 0 };
    let [lastMs, lastWaitedMs] = [performance.now(), waitedMs()];
    const ticks = setInterval(() => {
      const [nowMs, nowWaitedMs] = [performance.now(), waitedMs()];
      const wallMs = nowMs - lastMs - 1;
      longest.wallMs = Math.max(longest.wallMs, wallMs);
      longest.ownMs = Math.max(longest.ownMs, wallMs - (nowWaitedMs - lastWaitedMs));
      [lastMs, lastWaitedMs] = [nowMs, nowWaitedMs];
    }, 1);
    stopWatching = () => {
      clearInterval(ticks);
      resolve(longest);
    };
    if (durationMs !== null) setTimeout(stopWatching, durationMs);
  });
}

async function measure(spans: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "spanledger-purge-"));
  const path = join(directory, "t.db");
  try {
    // In a process of its own: what it leaves for the collector would be this host's pauses.
    Bun.spawnSync([process.execPath, import.meta.path, "fill", path, String(spans)]);
    console.log("before", sums(path));
    const waiter = Bun.spawn([process.execPath, import.meta.path, "wait", path]);
    console.log("host: longest event-loop gap before", await longestGap(5000));
    const worker = new Worker(new URL("purge-worker.ts", import.meta.url));
    const gap = longestGap(null);
    worker.postMessage({ path, spansPerSecond: 2000 });
    const result = await new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
    });
    stopWatching();
    waiter.kill("SIGTERM");
    console.log("host: longest event-loop gap meanwhile", await gap);
    console.log("writer and maintainer:", result);
    console.log("another process's waits for the lock, ms:", await waiter.stdout.text());
    console.log("after", sums(path));
    worker.terminate();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (first === "wait" && otherPath) await waitForLocks(otherPath);
else if (first === "fill" && otherPath) fill(otherPath, Number(fillSpans));
else await measure(Number(first ?? 1_000_000));
