/**
 * How fast a report over a million runs answers, within the process and from the shell, beside the
 * plain GROUP BY over all rows; and what reading costs a writer at full speed. The plain one reads a
 * file of which nothing was purged; the report reads one of which all but the last 90 days were.
 * `--runs 1000000`: how many, over 400 days. `--seconds 10`: for how long it writes.
 */
import { Database } from "bun:sqlite";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { costReport } from "../../src/report/cost-report.ts";
import { openReader } from "../../src/store/reader.ts";
import { createSampleDatabase } from "../support/sample-database.ts";
import { agentSpans, take } from "./agent-traces.ts";
import {
  answer,
  BY_DAY_AND_REPO,
  BY_MODEL,
  plainSums,
  purge,
  type Question,
  reportSums,
  sampleShape,
  timeMs,
} from "./cost-questions.ts";
import { type Figure, numberOption, report, threadCpuUs } from "./figures.ts";
import { BatchWriter, encoded, endMs } from "./writer.ts";

const ROUNDS = 9;
const BATCH_SPANS = 512;
/** The argument that makes this file the process that reports, beside the writer. */
const READ = "--read";
const READ_EVERY_MS = 100;
const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");

function ask(question: Question, path: string, plainPath: string): Figure[] {
  const { name, args, plainSql } = question;
  const plain = new Database(plainPath, { readonly: true });
  const plainMs = timeMs(3, () => plain.prepare(plainSql).values());
  const isEqual =
    plainSums(plain.prepare(plainSql).values(), question) === reportSums(answer(path, question));
  plain.close(true);
  const inProcessMs = timeMs(ROUNDS, () => answer(path, question));
  const shellMs = timeMs(ROUNDS, () => {
    const { exitCode } = Bun.spawnSync([process.execPath, MAIN, "--db", path, "report", ...args], {
      stdout: "ignore",
    });
    if (exitCode !== 0) throw new Error(`spanledger report exited with ${exitCode}.`);
  });
  return [
    { name: `${name}: in the process`, value: inProcessMs, unit: "ms", goal: { atMost: 50 } },
    { name: `${name}: from the shell`, value: shellMs, unit: "ms", goal: { atMost: 150 } },
    { name: `${name}: plain GROUP BY`, value: plainMs, unit: "ms" },
    { name: `${name}: beside it`, value: plainMs / inProcessMs, unit: "×", goal: { atLeast: 20 } },
    { name: `${name}: the same sums`, value: isEqual ? 1 : 0, unit: "", goal: { atLeast: 1 } },
  ];
}

interface Speed {
  spansPerSecond: number;
  /** Of the writer's thread: competition for cores does not add to it, waiting for locks would. */
  cpuUsPerSpan: number;
}

/** What a writer writes, alone or beside a process that reports again and again. */
function writeSpeed(path: string, seconds: number, hasReader: boolean): Speed {
  const writer = new BatchWriter(path);
  const source = agentSpans();
  const reader = hasReader ? Bun.spawn([process.execPath, import.meta.path, READ, path]) : null;
  let spans = 0;
  const [beganMs, beganUs] = [performance.now(), threadCpuUs()];
  while (performance.now() - beganMs < seconds * 1000) {
    const batch = take(source, BATCH_SPANS);
    writer.write(encoded(batch), endMs(batch));
    spans += batch.length;
  }
  const spansPerSecond = (spans / (performance.now() - beganMs)) * 1000;
  const cpuUsPerSpan = (threadCpuUs() - beganUs) / spans;
  reader?.kill();
  writer.close();
  return { spansPerSecond, cpuUsPerSpan };
}

async function readForever(path: string): Promise<never> {
  for (;;) {
    using reader = openReader(path);
    costReport(reader, { by: ["model"] });
    await Bun.sleep(READ_EVERY_MS);
  }
}

const [mode, readPath = ""] = process.argv.slice(2);
if (mode === READ) await readForever(readPath);

const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
try {
  const plainPath = join(directory, "plain.db");
  const path = join(directory, "ledger.db");
  const runs = numberOption("runs", 1_000_000);
  createSampleDatabase(plainPath, sampleShape(runs));
  copyFileSync(plainPath, path);
  purge(path);
  const seconds = numberOption("seconds", 10);
  const alone = writeSpeed(join(directory, "alone.db"), seconds, false);
  const beside = writeSpeed(join(directory, "live.db"), seconds, true);
  report(`A report over ${runs.toLocaleString("en")} runs, 310 of 400 days purged`, [
    ...[BY_MODEL, BY_DAY_AND_REPO].flatMap((question) => ask(question, path, plainPath)),
    { name: "a writer alone", value: alone.spansPerSecond, unit: "spans/s" },
    { name: "beside a report every 100 ms", value: beside.spansPerSecond, unit: "spans/s" },
    {
      name: "of its speed",
      value: beside.spansPerSecond / alone.spansPerSecond,
      unit: "×",
      goal: { atLeast: 0.95 },
    },
    { name: "a writer alone", value: alone.cpuUsPerSpan, unit: "µs of CPU a span" },
    { name: "beside a report", value: beside.cpuUsPerSpan, unit: "µs of CPU a span" },
  ]);
} finally {
  rmSync(directory, { recursive: true });
}
