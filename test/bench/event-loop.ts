/**
 * How long the host's event loop is held up while 5,000 spans a second are written, with checkpoints,
 * a purge of old traces, a lock of ten seconds by another process, and a disk whose every sync takes 50
 * ms longer (where there is strace, under which both hosts then run); beside a host without telemetry.
 * `--seconds 60`: for how long each.
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTelemetry } from "../../src/index.ts";
import { canRun, strace } from "../faults/child.ts";
import { agentSpans, take } from "./agent-traces.ts";
import { type Figure, numberOption, quantile, report, threadCpuUs } from "./figures.ts";
import { BatchWriter, encoded, endMs } from "./writer.ts";

const SPANS_PER_SECOND = 5000;
const TICK_MS = 2;
const OLD_SPANS = 200_000;
const BATCH_SPANS = 512;
/** Less than the old traces take: they are purged meanwhile. */
const MAX_DB_BYTES = 48 * 2 ** 20;

const SYNCS = "fdatasync,fsync";
const DELAY = ":delay_enter=50000";

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
  return { p999Ms, largestMs, busiestMs, dropped: 0, committed: 0 };
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

async function measureLoaded(seconds: number, path: string): Promise<Gaps> {
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
  return { ...gaps, committed, dropped: lost };
}

async function measureApart(
  host: "idle" | "loaded",
  seconds: number,
  path: string,
  isSlow: boolean,
): Promise<Gaps> {
  const slowly = isSlow ? strace("/dev/null", "-e", SYNCS, "-e", `inject=${SYNCS}${DELAY}`) : [];
  const self = [process.execPath, import.meta.filename, "--host", host, "--db", path];
  const command = [...slowly, ...self, "--seconds", String(seconds)];
  const child = Bun.spawn(command, { stderr: "inherit" });
  return JSON.parse(await new Response(child.stdout).text()) as Gaps;
}

async function compare(seconds: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
  try {
    const path = join(directory, "ledger.db");
    const old = fillWithOldTraces(path);
    const isSlow = canRun("strace", ["strace", "-o", "/dev/null", "true"]);
    const idle = await measureApart("idle", seconds, path, isSlow);
    const loaded = await measureApart("loaded", seconds, path, isSlow);
    const disk = isSlow ? "syncs of 50 ms" : "no slow disk, for want of strace";
    show(
      `Event-loop gaps at ${SPANS_PER_SECOND} spans/s for ${seconds} s, ${disk}`,
      idle,
      loaded,
      old + loaded.committed - spansIn(path),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function show(title: string, idle: Gaps, loaded: Gaps, purged: number): void {
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
    { name: "old spans purged", value: purged, unit: "" },
    { name: "spans dropped", value: loaded.dropped, unit: "" },
  ];
  report(title, figures);
}

function textOption(name: string): string {
  return process.argv[process.argv.indexOf(`--${name}`) + 1] ?? "";
}

const seconds = numberOption("seconds", 60);
if (!process.argv.includes("--host")) await compare(seconds);
else if (textOption("host") === "idle")
  console.log(JSON.stringify(await tick(seconds, () => undefined)));
else console.log(JSON.stringify(await measureLoaded(seconds, textOption("db"))));
