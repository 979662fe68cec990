/**
 * How long the host's event loop is held up while 5,000 spans a second are written, with checkpoints,
 * a purge of old traces, and a lock of ten seconds by another process; beside a host without telemetry.
 * `--seconds 60`: for how long each.
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTelemetry } from "../../src/index.ts";
import { agentSpans, take } from "./agent-traces.ts";
import { type Figure, numberOption, quantile, report, threadCpuUs } from "./figures.ts";
import { BatchWriter, encoded, endMs } from "./writer.ts";

const SPANS_PER_SECOND = 5000;
const TICK_MS = 2;
const OLD_SPANS = 200_000;
const BATCH_SPANS = 512;
/** Less than the old traces take: they are purged meanwhile. */
const MAX_DB_BYTES = 48 * 2 ** 20;

/** Holds the write lock for so many milliseconds, from a quarter of the time on. */
const LOCKER = `
const { Database } = require("bun:sqlite");
const [path, afterMs, lockMs] = process.argv.slice(1);
Bun.sleepSync(Number(afterMs));
const db = new Database(path);
db.run("PRAGMA busy_timeout = 5000");
db.run("BEGIN IMMEDIATE");
Bun.sleepSync(Number(lockMs));
db.run("ROLLBACK");
`;

interface Gaps {
  p999Ms: number;
  largestMs: number;
  /** The most CPU time that the host's thread spent between two ticks. */
  busiestMs: number;
  dropped: number;
  committed: number;
  purged: number;
}

/** Ticks for `seconds`, and calls `work` with the number of spans due since the last tick. */
async function tick(seconds: number, work: (spans: number) => void): Promise<Gaps> {
  const gaps: number[] = [];
  let busiestMs = 0;
  const beganMs = performance.now();
  let done = 0;
  for (;;) {
    const sinceMs = performance.now();
    const sinceCpuUs = threadCpuUs();
    await Bun.sleep(TICK_MS);
    busiestMs = Math.max(busiestMs, (threadCpuUs() - sinceCpuUs) / 1000);
    const nowMs = performance.now();
    gaps.push(nowMs - sinceMs);
    if (nowMs - beganMs > seconds * 1000) break;
    const due = Math.floor(((nowMs - beganMs) / 1000) * SPANS_PER_SECOND);
    work(due - done); // Between the gaps: creating spans is the host's own work.
    done = due;
  }
  const [p999Ms, largestMs] = [quantile(gaps, 0.999), Math.max(...gaps)];
  return { p999Ms, largestMs, busiestMs, dropped: 0, committed: 0, purged: 0 };
}

/** @returns how many spans. */
function fillWithOldTraces(path: string): number {
  const writer = new BatchWriter(path);
  const source = agentSpans();
  let n = 0;
  for (; n < OLD_SPANS; n += BATCH_SPANS) {
    const batch = take(source, BATCH_SPANS);
    writer.write(encoded(batch), endMs(batch));
  }
  writer.close();
  return n;
}

function spansIn(path: string): number {
  const db = new Database(path, { readonly: true });
  const { n } = db.query("SELECT count(*) AS n FROM span_rows").get() as { n: number };
  db.close(true);
  return n;
}

async function measureLoaded(seconds: number): Promise<Gaps> {
  const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
  try {
    const path = join(directory, "ledger.db");
    const written = fillWithOldTraces(path);
    const lockMs = Math.min(10, seconds / 2) * 1000;
    const telemetry = startTelemetry({ dbPath: path, maxDbBytes: MAX_DB_BYTES });
    const locker = Bun.spawn(
      [process.execPath, "-e", LOCKER, path, String(seconds * 250), String(lockMs)],
      { stderr: "inherit" },
    );
    let n = 0;
    const gaps = await tick(seconds, (spans) => {
      for (let i = 0; i < spans; i++) {
        const attributes = { "gen_ai.operation.name": "chat", n: n++, text: "a few words of it" };
        telemetry.tracer.startSpan("chat claude-sonnet-4-5", { attributes }).end();
      }
    });
    await locker.exited;
    await telemetry.shutdown();
    const { committed, dropped } = telemetry.health();
    const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    const purged = written + committed - spansIn(path);
    return { ...gaps, committed, dropped: lost, purged };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function compare(seconds: number): Promise<void> {
  const measured: Record<string, Gaps> = {};
  for (const host of ["idle", "loaded"] as const) {
    const child = Bun.spawn(
      [process.execPath, import.meta.filename, "--host", host, "--seconds", String(seconds)],
      { stderr: "inherit" },
    );
    measured[host] = JSON.parse(await new Response(child.stdout).text()) as Gaps;
  }
  const { idle, loaded } = measured;
  if (!idle || !loaded) throw new Error("A host printed nothing.");
  const figures: Figure[] = [
    { name: "p99.9, host without telemetry", value: idle.p999Ms, unit: "ms" },
    { name: "p99.9, with telemetry", value: loaded.p999Ms, unit: "ms" },
    { name: "largest, host without telemetry", value: idle.largestMs, unit: "ms" },
    { name: "largest, with telemetry", value: loaded.largestMs, unit: "ms" },
    {
      name: "largest, over the host's own",
      value: loaded.largestMs - idle.largestMs,
      unit: "ms",
      goal: { atMost: 10 },
    },
    { name: "most CPU in one gap, without telemetry", value: idle.busiestMs, unit: "ms" },
    { name: "most CPU in one gap, with telemetry", value: loaded.busiestMs, unit: "ms" },
    { name: "spans committed", value: loaded.committed, unit: "" },
    { name: "old spans purged", value: loaded.purged, unit: "" },
    { name: "spans dropped", value: loaded.dropped, unit: "" },
  ];
  report(`Event-loop gaps at ${SPANS_PER_SECOND} spans/s for ${seconds} s`, figures);
}

const seconds = numberOption("seconds", 60);
const host = process.argv[process.argv.indexOf("--host") + 1];
if (!process.argv.includes("--host")) await compare(seconds);
else if (host === "loaded") console.log(JSON.stringify(await measureLoaded(seconds)));
else console.log(JSON.stringify(await tick(seconds, () => undefined)));
