/**
 * What starting costs: the import of the package and `startTelemetry` on the host's thread, a cold
 * `spanledger report`, and memory at rest and under load. Every round is a process of its own.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtCommandLine } from "./command-line.ts";
import { median, numberOption, report } from "./figures.ts";

const INDEX = JSON.stringify(join(import.meta.dirname, "..", "..", "src", "index.ts"));
const CLI = builtCommandLine();
const MIB = 2 ** 20;
const LOAD_SPANS = 50_000;

/** Prints, in milliseconds: import, start, and the CPU of the start; in bytes: memory before, after the start, under load. */
const HOST = `
const rss = () => process.memoryUsage.rss();
const bareBytes = rss();
const t0 = performance.now();
const { startTelemetry } = await import(${INDEX});
const t1 = performance.now();
const began = process.threadCpuUsage();
const telemetry = startTelemetry({ dbPath: process.argv[1] });
const t2 = performance.now();
const { user, system } = process.threadCpuUsage(began);
const startCpuMs = (user + system) / 1000;
await telemetry.flush();
await Bun.sleep(200);
const restBytes = rss();
for (let n = 0; n < ${LOAD_SPANS}; n++) {
  telemetry.tracer.startSpan("chat", { attributes: { a: n, b: "text", c: true } }).end();
  if (n % 500 === 0) await Bun.sleep(10);
}
const loadBytes = rss();
await telemetry.shutdown();
console.log(JSON.stringify({ importMs: t1 - t0, startMs: t2 - t1, startCpuMs, bareBytes, restBytes, loadBytes }));
`;

interface Start {
  importMs: number;
  startMs: number;
  startCpuMs: number;
  bareBytes: number;
  restBytes: number;
  loadBytes: number;
}

async function output(command: string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, ...command], { stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
  return text;
}

async function timed(command: string[]): Promise<number> {
  const beganMs = performance.now();
  await output(command);
  return performance.now() - beganMs;
}

const rounds = numberOption("rounds", 11);
const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
try {
  const path = join(directory, "ledger.db");
  const starts: Start[] = [];
  const reportMs: number[] = [];
  const bareMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    starts.push(JSON.parse(await output(["-e", HOST, path])) as Start);
    reportMs.push(await timed([CLI, "report", "--db", path]));
    bareMs.push(await timed(["-e", "0"]));
  }
  const of = (field: keyof Start): number => median(starts.map((start) => start[field]));
  report(`Start-up, median of ${rounds}`, [
    { name: "startTelemetry", value: of("startMs"), unit: "ms", goal: { atMost: 15 } },
    { name: "CPU of startTelemetry", value: of("startCpuMs"), unit: "ms" },
    { name: "import of the package", value: of("importMs"), unit: "ms" },
    { name: "import and startTelemetry", value: of("importMs") + of("startMs"), unit: "ms" },
    { name: "spanledger report, cold", value: median(reportMs), unit: "ms", goal: { atMost: 150 } },
    { name: "bun -e 0, of that", value: median(bareMs), unit: "ms" },
    { name: "memory of a bare process", value: of("bareBytes") / MIB, unit: "MiB" },
    { name: "with telemetry, at rest", value: of("restBytes") / MIB, unit: "MiB" },
    { name: `under ${LOAD_SPANS} spans`, value: of("loadBytes") / MIB, unit: "MiB" },
  ]);
} finally {
  rmSync(directory, { recursive: true });
}
