/**
 * The same runs of agents by every way from spans to a file, in turns, each in a process of its own; then
 * another process counts what is in the file. At full speed: CPU, speed and bytes a span. At a rate: how
 * long the host's event loop is held up.
 * `--spans 20000`: how many at full speed; `--rate 200`: how many a second; `--seconds 20`: for how long;
 * `--rounds 3`: how often each, of which the median counts; `--slow-share 0.1`: how many of the spans the
 * slowest get at full speed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, median, numberOption, report } from "../figures.ts";
import { type ReadBack, type Recorded, WAYS, warmUpRuns } from "./recording.ts";
import { chatOutputTokens, plannedRuns, RUNS_AT_ONCE, SPANS_PER_RUN } from "./runs.ts";

/** These get `--slow-share` of the spans: on a disk all of them take many minutes. */
const SLOW = ["mastra-duckdb", "voltagent", "aigne"];

interface Measured extends Recorded {
  name: string;
  /** Nothing, where nothing is written. */
  file: { missing: number; bytesPerSpan: number } | null;
}

async function apart<T>(...args: string[]): Promise<T> {
  const child = Bun.spawn([process.execPath, join(import.meta.dirname, "recording.ts"), ...args], {
    stderr: "inherit",
    env: { ...process.env, NODE_ENV: "production" }, // Else VoltAgent asks the network for models.
  });
  const lines = (await new Response(child.stdout).text()).trim().split("\n");
  if ((await child.exited) !== 0)
    throw new Error(`${args.join(" ")}: exit code ${child.exitCode}.`);
  return JSON.parse(lines.at(-1) ?? "") as T; // A peer may have said something before.
}

/** @param rate 0 for full speed. */
async function measure(key: string, spans: number, rate: number): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
  try {
    const runs = Math.ceil(spans / SPANS_PER_RUN / RUNS_AT_ONCE) * RUNS_AT_ONCE;
    const all = runs + warmUpRuns(runs);
    const recorded = await apart<Recorded>("record", key, directory, String(runs), String(rate));
    const { name, stored, bytes } = await apart<ReadBack>("read", key, directory);
    if (!stored) return { ...recorded, name, file: null };
    const expected = chatOutputTokens(plannedRuns(all));
    const missing = all * SPANS_PER_RUN - stored.spans;
    if (missing === 0 && stored.chatOutputTokens !== expected) {
      throw new Error(`${name} has ${stored.chatOutputTokens} output tokens, not ${expected}.`);
    }
    return { ...recorded, name, file: { missing, bytesPerSpan: bytes / stored.spans } };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** In turns, so that what else the machine does meets all of them alike. */
async function inTurns(
  rounds: number,
  one: (key: string) => Promise<Measured>,
): Promise<Map<string, Measured[]>> {
  const all = new Map<string, Measured[]>(Object.keys(WAYS).map((key) => [key, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [key, list] of all) list.push(await one(key));
  }
  return all;
}

function rows(
  what: string,
  unit: string,
  all: Map<string, Measured[]>,
  value: (measured: Measured) => number | undefined,
): Figure[] {
  return [...all.values()].flatMap((list) => {
    const values = list.map(value).filter((one) => one !== undefined);
    if (values.length === 0) return [];
    return { name: `${what}: ${list[0]?.name}`, value: median(values), unit };
  });
}

const spans = numberOption("spans", 20_000);
const rate = numberOption("rate", 200);
const seconds = numberOption("seconds", 20);
const rounds = numberOption("rounds", 3);
const slowShare = numberOption("slow-share", 0.1);

const fast = await inTurns(rounds, (key) =>
  measure(key, SLOW.includes(key) ? spans * slowShare : spans, 0),
);
const steady = await inTurns(rounds, (key) => measure(key, rate * seconds, rate));
report(`The same spans by every way, ${spans.toLocaleString("en")} of agents`, [
  ...rows("host's thread", "µs of CPU a span", fast, ({ cpuUs }) => cpuUs),
  ...rows("whole process", "µs of CPU a span", fast, ({ processCpuUs }) => processCpuUs),
  ...rows("until in the file", "spans/s", fast, (of) =>
    of.file ? (of.spans * 1000) / of.wallMs : undefined,
  ),
  ...rows("in the file", "bytes a span", fast, ({ file }) => file?.bytesPerSpan),
  ...rows("not in the file", "spans", fast, ({ file }) => file?.missing),
  ...rows(`at ${rate}/s, largest gap`, "ms", steady, ({ gaps }) => gaps?.largestMs),
  ...rows(`at ${rate}/s, p99.9 of the gaps`, "ms", steady, ({ gaps }) => gaps?.p999Ms),
  ...rows(`at ${rate}/s, most CPU in a gap`, "ms", steady, ({ gaps }) => gaps?.busiestMs),
  ...rows(`at ${rate}/s, written`, "spans/s", steady, (of) => (of.spans * 1000) / of.wallMs),
  ...rows(`not in the file, at ${rate}/s`, "spans", steady, ({ file }) => file?.missing),
]);
