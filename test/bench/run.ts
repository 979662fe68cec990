/**
 * `npm run bench [-- NAME …] [--json]`: each benchmark in a process of its own, one after the other.
 * `peers` are those beside other packages; they run where these are installed.
 * Options other than `--json` go to the benchmarks, such as `--seconds 10` or `--spans 10000000`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Machine, machine, machineLine } from "./figures.ts";

/** Of those with a file here, the ones that run where none is named. */
const BENCHMARKS = [
  "host-cost",
  "ingest",
  "ingest-rows",
  "bytes",
  "report",
  "start-up",
  "query-messages",
  "event-loop",
  "forward",
  "peers",
];

const PEERS = ["peers/writing", "peers/reporting"];
const PEERS_MISSING = `Beside peers nothing was measured: they are not installed (some 600 MB). Run

  npm --prefix test/bench/peers ci
`;

const args = process.argv.slice(2);
const isJson = args.includes("--json");
const firstOption = args.findIndex((arg) => arg.startsWith("--"));
const named = firstOption < 0 ? args : args.slice(0, firstOption);
const options = firstOption < 0 ? [] : args.slice(firstOption);

/** The files that a name stands for. */
function filesOf(name: string): string[] {
  if (!name.startsWith("peers")) return [name];
  if (existsSync(join(import.meta.dirname, "peers/node_modules"))) {
    return name === "peers" ? PEERS : [name];
  }
  console.error(PEERS_MISSING);
  return [];
}

const results: { machine: Machine; benchmarks: Record<string, unknown> } = {
  machine: machine(),
  benchmarks: {},
};
if (!isJson) console.log(machineLine(results.machine));
for (const name of (named.length > 0 ? named : BENCHMARKS).flatMap(filesOf)) {
  const child = Bun.spawn([process.execPath, join(import.meta.dirname, `${name}.ts`), ...options], {
    stdout: isJson ? "pipe" : "inherit",
    stderr: "inherit",
  });
  if (child.stdout) results.benchmarks[name] = JSON.parse(await new Response(child.stdout).text());
  if ((await child.exited) !== 0) process.exitCode = 1;
}
if (isJson) console.log(JSON.stringify(results, null, 2));
