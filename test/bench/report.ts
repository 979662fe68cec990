/**
 * How fast a report over a million runs answers, within the process and from the shell, beside the
 * plain GROUP BY over all rows; and what reading costs a writer at full speed. The plain one reads a
 * file of which nothing was purged; the report reads one of which all but the last 90 days were.
 * `--runs 1000000`: how many, over 400 days. `--seconds 20`: for how long it writes, alone and beside it in turns.
 */
import { Database } from "bun:sqlite";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSampleDatabase } from "../support/sample-database.ts";
import { agentSpans, take } from "./agent-traces.ts";
import { builtCommandLine } from "./command-line.ts";
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
import { type Figure, median, numberOption, report } from "./figures.ts";
import { BatchWriter, encoded, endMs } from "./writer.ts";

const ROUNDS = 9;
const BATCH_SPANS = 512;
const TURN_MS = 1000;
/** What is asked beside the writer, in turn. */
const COMMANDS: readonly string[][] = [
  ["report", "--by", "model", "--since", "30d"],
  ["runs", "--order", "dearest", "--top", "20"],
  ["trace", "latest"],
  ["sql", "SELECT count(*) FROM executions"],
  ["report", "--by", "day,repo"],
];
type SpanSource = ReturnType<typeof agentSpans>;
const MAIN = builtCommandLine();

function ask(question: Question, path: string, plainPath: string): Figure[] {
  const { name, args, plainSql } = question;
  const plain = new Database(plainPath, { readonly: true });
  const plainMs = timeMs(3, () => plain.prepare(plainSql).values());
  const isEqual =
    plainSums(plain.prepare(plainSql).values(), question) === reportSums(answer(path, question));
  plain.close(true);
  const inProcessMs = timeMs(ROUNDS, () => answer(path, question));
  const shellMs = timeMs(ROUNDS, () => {
    const command = [process.execPath, MAIN, "--db", path, "report", ...args];
    const { exitCode } = Bun.spawnSync(command, { stdout: "pipe" });
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

/** Runs a command and reads all that it prints. @returns its exit code. */
async function run(command: string[]): Promise<number> {
  const child = Bun.spawn(command, { stdout: "pipe" });
  await new Response(child.stdout).bytes();
  return child.exited;
}

/** Someone who asks, command after command, while `isAsking`. */
class Asker {
  isAsking = false;
  commands = 0;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async ask(everyMs: number): Promise<void> {
    while (this.isAsking) {
      const args = COMMANDS[this.commands % COMMANDS.length] ?? [];
      const beganMs = performance.now();
      const command = [process.execPath, MAIN, "--db", this.#path, ...args];
      const exitCode = await run(command);
      if (exitCode !== 0) throw new Error(`spanledger ${args.join(" ")} exited with ${exitCode}.`);
      this.commands += 1;
      await Bun.sleep(Math.max(0, everyMs - (performance.now() - beganMs)));
    }
  }
}

/** Writes for so long at full speed, and lets the process breathe between batches. @returns spans a second. */
async function writeFor(turnMs: number, writer: BatchWriter, source: SpanSource): Promise<number> {
  let spans = 0;
  let ownMs = 0;
  for (const endsMs = performance.now() + turnMs; performance.now() < endsMs; ) {
    const batch = take(source, BATCH_SPANS);
    const text = encoded(batch);
    const beganMs = performance.now();
    writer.write(text, endMs(batch));
    ownMs += performance.now() - beganMs;
    spans += batch.length;
    await Bun.sleep(0);
  }
  return (spans * 1000) / ownMs;
}

/** A writer's speed beside commands as a share of its own, in turns of a second: the median of them. */
async function besideCommands(path: string, seconds: number, everyMs: number): Promise<Figure[]> {
  const writer = new BatchWriter(path);
  const source = agentSpans();
  const asker = new Asker(path);
  await writeFor(2 * TURN_MS, writer, source);
  const shares: number[] = [];
  const speeds: number[] = [];
  for (let turn = 0; turn < seconds / 2; turn++) {
    const alone = await writeFor(TURN_MS, writer, source);
    asker.isAsking = true;
    const asking = asker.ask(everyMs);
    const beside = await writeFor(TURN_MS, writer, source);
    asker.isAsking = false;
    await asking;
    speeds.push(alone);
    shares.push(beside / alone);
  }
  writer.close();
  const name = everyMs === 0 ? "beside commands without a pause" : "beside a command a second";
  const goal = everyMs === 0 ? {} : { goal: { atLeast: 0.95 } };
  return [
    { name: "a writer alone", value: median(speeds), unit: "spans/s" },
    { name, value: median(shares), unit: "× its speed", ...goal },
    { name: "commands meanwhile", value: asker.commands, unit: "" },
  ];
}

const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
try {
  const plainPath = join(directory, "plain.db");
  const path = join(directory, "ledger.db");
  const runs = numberOption("runs", 1_000_000);
  createSampleDatabase(plainPath, sampleShape(runs));
  copyFileSync(plainPath, path);
  purge(path);
  const seconds = numberOption("seconds", 20);
  const beside = [
    ...(await besideCommands(join(directory, "calm.db"), seconds, TURN_MS)),
    ...(await besideCommands(join(directory, "busy.db"), seconds, 0)),
  ];
  report(`A report over ${runs.toLocaleString("en")} runs, 310 of 400 days purged`, [
    ...[BY_MODEL, BY_DAY_AND_REPO].flatMap((question) => ask(question, path, plainPath)),
    ...beside,
  ]);
} finally {
  rmSync(directory, { recursive: true });
}
