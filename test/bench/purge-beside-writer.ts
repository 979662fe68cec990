/**
 * Purges old spans while the same thread writes 2,000 spans a second and another process writes too:
 * how long the host's event loop stood still, how long anyone held the lock or waited for it, what was
 * lost. `--spans 1000000`: how many are purged.
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "../../src/store/store.ts";
import { BusyBot } from "../support/busy-bot.ts";
import { type Figure, numberOption, report } from "./figures.ts";
import { longer, NO_TIME, type Span, stopwatch } from "./lock-watch.ts";
import { LIVE_SEED, LIVE_SPANS, type PurgeResult, type PurgeTask } from "./purge-task.ts";

const SPANS_PER_SECOND = 2000;
const DAY_MS = 86_400_000;
const WARM_UP_MS = 5000;
const PAST_SEED = 3;
const PAST_SPANS = 20;
/** Arguments that make this file one of the other processes. */
const WAIT = "--wait";
const FILL = "--fill";

interface Waits {
  longest: Span;
  /** 999 of 1000 took no longer, by the clock. */
  p999Ms: number;
  /** How long it held the lock itself. */
  longestHold: Span;
}

/** The other process: takes the lock a hundred times a second and says how long that took. */
async function waitForLocks(path: string): Promise<void> {
  const db = new Database(path);
  db.run("PRAGMA busy_timeout = 0");
  const waitsMs: number[] = [];
  let [longest, longestHold] = [NO_TIME, NO_TIME];
  let isStopped = false;
  process.on("SIGTERM", () => {
    isStopped = true;
  });
  while (!isStopped) {
    const stop = stopwatch();
    for (;;) {
      try {
        db.run("BEGIN IMMEDIATE");
        break;
      } catch {
        Bun.sleepSync(0.25); // Not a busy loop: it would take the processor from the one it waits for.
      }
    }
    const wait = stop();
    const stopHold = stopwatch();
    db.run("ROLLBACK");
    longestHold = longer(longestHold, stopHold());
    longest = longer(longest, wait);
    waitsMs.push(wait.wallMs);
    await Bun.sleep(7);
  }
  waitsMs.sort((a, b) => a - b);
  const p999Ms = waitsMs[Math.floor((waitsMs.length - 1) * 0.999)] ?? 0;
  console.log(JSON.stringify({ longest, p999Ms, longestHold } satisfies Waits));
  db.close(true);
}

function fill(path: string, spans: number): void {
  const store = new Store({ path, writer: "past", busyTimeoutMs: 1000 });
  const bot = new BusyBot(PAST_SEED);
  const endMs = Date.now() - 100 * DAY_MS;
  while (bot.spans < spans) {
    const rows = Array.from({ length: 100 }, () => bot.run(endMs + bot.spans, PAST_SPANS)).flat();
    store.write(rows, Date.now());
    if (store.isCheckpointDue(Date.now())) store.checkpoint(Date.now());
  }
  store.close();
}

interface Sums {
  nanoUsd: number;
  runs: number;
}

function storedSums(path: string): Sums {
  const db = new Database(path, { readonly: true });
  const sql = `SELECT (SELECT coalesce(sum(cost_nano_usd), 0) FROM usage_rows WHERE counted)
      + (SELECT coalesce(sum(cost_nano_usd), 0) FROM usage_daily) AS nanoUsd,
    (SELECT count(*) FROM executions) + (SELECT coalesce(sum(runs), 0) FROM usage_daily) AS runs`;
  const row = db.query<Sums, []>(sql).get() as Sums;
  db.close(true);
  return row;
}

/** What a bot's own account says of its first spans. */
function accountOf(bot: BusyBot, spans: number, spansEach: number): Sums {
  while (bot.spans < spans) bot.run(0, spansEach);
  return bot.account().reduce(
    (sums, line) => ({
      nanoUsd: sums.nanoUsd + line.cost_nano_usd,
      runs: sums.runs + line.runs,
    }),
    { nanoUsd: 0, runs: 0 },
  );
}

/** Watches the ticks of this thread. @returns what stops it, and tells the longest time between two. */
function watchTicks(): () => Span {
  let longest = NO_TIME;
  let stop = stopwatch();
  const ticks = setInterval(() => {
    const { wallMs, ownMs } = stop();
    stop = stopwatch();
    longest = longer(longest, { wallMs: wallMs - 1, ownMs: ownMs - 1 });
  }, 1);
  return () => {
    clearInterval(ticks);
    return longest;
  };
}

function purge(path: string): Promise<PurgeResult> {
  const worker = new Worker(new URL("purge-worker.ts", import.meta.url));
  const task: PurgeTask = { path, spansPerSecond: SPANS_PER_SECOND };
  worker.postMessage(task);
  const result = new Promise<PurgeResult>((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = ({ data }) => resolve(data as PurgeResult);
  });
  return result.finally(() => worker.terminate());
}

function spanFigures(name: string, { wallMs, ownMs }: Span, goal?: Figure["goal"]): Figure[] {
  return [
    { name, value: wallMs, unit: "ms", ...(goal && { goal }) },
    { name: `${name}, without waits for a core`, value: ownMs, unit: "ms", ...(goal && { goal }) },
  ];
}

function difference(name: string, value: number): Figure {
  return { name, value: Math.abs(value), unit: "", goal: { atMost: 0 } };
}

async function measure(spans: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "spanledger-purge-"));
  const path = join(directory, "t.db");
  let waiter: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined;
  try {
    // In a process of its own: what it leaves for the collector would be this host's pauses.
    Bun.spawnSync([process.execPath, import.meta.path, FILL, path, String(spans)]);
    waiter = Bun.spawn([process.execPath, import.meta.path, WAIT, path]);
    const stopIdle = watchTicks();
    await Bun.sleep(WARM_UP_MS);
    const idle = stopIdle();
    const stopBusy = watchTicks();
    const result = await purge(path);
    const busy = stopBusy();
    waiter.kill("SIGTERM");
    const waits = (await waiter.stdout.json()) as Waits;
    const stored = storedSums(path);
    const past = accountOf(new BusyBot(PAST_SEED), spans, PAST_SPANS);
    const live = accountOf(new BusyBot(LIVE_SEED), result.written, LIVE_SPANS);
    report(`${result.purgedSpans.toLocaleString("en")} spans purged beside a writer`, [
      { name: "written meanwhile", value: result.written / result.seconds, unit: "spans/s" },
      ...spanFigures("the host's longest gap before", idle),
      ...spanFigures("the host's longest gap meanwhile", busy, { atMost: 20 }),
      ...spanFigures("longest hold of the write lock", result.longestLock, { atMost: 20 }),
      ...spanFigures("by the other process", waits.longestHold),
      ...spanFigures("longest wait of the other process", waits.longest),
      { name: "99.9 % of its waits", value: waits.p999Ms, unit: "ms" },
      ...spanFigures("longest write of a batch", result.longestWrite),
      ...spanFigures("longest step of the purge", result.longestStep),
      difference("nano-dollars lost or too many", past.nanoUsd + live.nanoUsd - stored.nanoUsd),
      difference("runs lost or too many", past.runs + live.runs - stored.runs),
    ]);
  } finally {
    waiter?.kill("SIGTERM");
    rmSync(directory, { recursive: true });
  }
}

const [, , mode, otherPath = "", fillSpans] = process.argv;
if (mode === WAIT) await waitForLocks(otherPath);
else if (mode === FILL) fill(otherPath, Number(fillSpans));
else await measure(numberOption("spans", 1_000_000));
