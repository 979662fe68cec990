/**
 * The process that lives through runs by one way, or reads back what it left:
 * `recording.ts record|read WAY DIRECTORY [RUNS SPANS_PER_SECOND]`. Prints JSON in its last line.
 * Without a rate it is as fast as it can be, waiting after each 480 spans until all is in the file.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { quantile, threadCpuUs } from "../figures.ts";
import { type PlannedRun, plannedRuns, RUNS_AT_ONCE, SPANS_PER_RUN } from "./runs.ts";
import type { Recorder, Steps, Stored, Way } from "./way.ts";

const WARM_UP_RUNS = 96;
/** 480 spans: about what each of those that batch takes at once. */
const RUNS_PER_FLUSH = 3 * RUNS_AT_ONCE;
const TICK_MS = 2;

/** So many of the runs come first and are not measured. */
export function warmUpRuns(measuredRuns: number): number {
  return Math.min(WARM_UP_RUNS, measuredRuns);
}

/** Each loads its own packages alone. */
export const WAYS: Record<string, () => Promise<Way>> = {
  "no-op": async () => (await import("./ways/no-op.ts")).way,
  spanledger: async () => (await import("./ways/spanledger.ts")).way,
  "mastra-no-op": async () => (await import("./ways/mastra-no-op.ts")).way,
  "mastra-libsql": async () => (await import("./ways/mastra-libsql.ts")).way,
  "mastra-insert-only": async () => (await import("./ways/mastra-libsql.ts")).insertOnly,
  "mastra-duckdb": async () => (await import("./ways/mastra-duckdb.ts")).way,
  voltagent: async () => (await import("./ways/voltagent.ts")).way,
  aigne: async () => (await import("./ways/aigne.ts")).way,
};

export interface Recorded {
  /** Those that were measured, without the warm-up. */
  spans: number;
  /** Of the host's thread, a span. */
  cpuUs: number;
  /** Of the process with all its threads, a span. */
  processCpuUs: number;
  /** Until the way is closed: all is in the file then. */
  wallMs: number;
  /** At a rate. */
  gaps: Gaps | null;
}

/** From tick to tick, with all that was done on the host's thread in between. */
export interface Gaps {
  largestMs: number;
  p999Ms: number;
  /** The most CPU time of the thread in one: what the machine adds is not in it, nor a wait for the disk. */
  busiestMs: number;
}

export interface ReadBack {
  name: string;
  stored: Stored | null;
  bytes: number;
}

/** Eight runs at once, a step of each in turn. */
function* interleaved(starts: readonly (() => Steps)[]): Steps {
  for (let at = 0; at < starts.length; at += RUNS_AT_ONCE) {
    const lanes = starts.slice(at, at + RUNS_AT_ONCE).map((start) => start());
    for (let step = 0; step < SPANS_PER_RUN; step++) {
      for (const lane of lanes) {
        lane.next();
        yield;
      }
    }
  }
}

async function atFullSpeed(recorder: Recorder, starts: readonly (() => Steps)[]): Promise<void> {
  for (let at = 0; at < starts.length; at += RUNS_PER_FLUSH) {
    const steps = interleaved(starts.slice(at, at + RUNS_PER_FLUSH));
    while (!steps.next().done);
    await recorder.flush();
    await Bun.sleep(1); // A host is idle at times; that is when the runtime collects garbage.
  }
}

async function atRate(starts: readonly (() => Steps)[], rate: number): Promise<Gaps> {
  const steps = interleaved(starts);
  const spans = starts.length * SPANS_PER_RUN;
  const gapsMs: number[] = [];
  let busiestMs = 0;
  const beganMs = performance.now();
  let lastMs = beganMs;
  for (let done = 0; done < spans; ) {
    const beganUs = threadCpuUs();
    const due = Math.min(spans, Math.floor(((lastMs - beganMs) / 1000) * rate));
    for (; done < due; done++) steps.next();
    await Bun.sleep(TICK_MS);
    const nowMs = performance.now();
    gapsMs.push(nowMs - lastMs);
    busiestMs = Math.max(busiestMs, (threadCpuUs() - beganUs) / 1000);
    lastMs = nowMs;
  }
  return { largestMs: Math.max(...gapsMs), p999Ms: quantile(gapsMs, 0.999), busiestMs };
}

function processCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** @param measuredRuns the last so many of `runs`; those before them warm up. */
async function record(
  way: Way,
  path: string,
  runs: PlannedRun[],
  measuredRuns: number,
  rate: number,
): Promise<Recorded> {
  const recorder = await way.open(path);
  const starts = runs.map((run) => recorder.prepare(run));
  await atFullSpeed(recorder, starts.slice(0, -measuredRuns));
  const measured = starts.slice(-measuredRuns);
  const spans = measured.length * SPANS_PER_RUN;
  const [beganMs, beganUs, beganAllUs] = [performance.now(), threadCpuUs(), processCpuUs()];
  const gaps = rate > 0 ? await atRate(measured, rate) : null;
  if (!gaps) await atFullSpeed(recorder, measured);
  await recorder.close();
  return {
    spans,
    cpuUs: (threadCpuUs() - beganUs) / spans,
    processCpuUs: (processCpuUs() - beganAllUs) / spans,
    wallMs: performance.now() - beganMs,
    gaps,
  };
}

async function readBack(way: Way, directory: string): Promise<ReadBack> {
  const stored = await way.stored(join(directory, way.file));
  const names = readdirSync(directory).filter((name) => name.startsWith(way.file));
  const bytes = names.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  return { name: way.name, stored, bytes };
}

if (import.meta.main) {
  const [what, key = "", directory = "", ...numbers] = process.argv.slice(2);
  const [runs = 0, rate = 0] = numbers.map(Number);
  const way = await WAYS[key]?.();
  if (!way) throw new TypeError(`There is no way "${key}".`);
  const path = join(directory, way.file);
  const done =
    what === "record"
      ? await record(way, path, plannedRuns(runs + warmUpRuns(runs)), runs, rate)
      : await readBack(way, directory);
  console.log(JSON.stringify(done));
  process.exit(); // Some leave a timer behind.
}
