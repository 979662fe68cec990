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
import { type CostQuery, type CostReport, costReport } from "../../src/report/cost-report.ts";
import { openReader } from "../../src/store/reader.ts";
import { Store } from "../../src/store/store.ts";
import { createSampleDatabase } from "../support/sample-database.ts";
import { agentSpans, take } from "./agent-traces.ts";
import { type Figure, median, numberOption, report } from "./figures.ts";
import { BatchWriter, encoded, endMs } from "./writer.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 24, 13, 17);
const SINCE_MS = NOW_MS - 30 * DAY_MS;
const ROUNDS = 9;
const BATCH_SPANS = 512;
/** The argument that makes this file the process that reports, beside the writer. */
const READ = "--read";
const READ_EVERY_MS = 100;
const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");

const SUMS = `count(DISTINCT u.execution_id), sum(u.input_tokens), sum(u.cache_read_tokens),
  sum(u.cache_creation_tokens), sum(u.output_tokens), sum(u.cost_nano_usd)`;

interface Question {
  name: string;
  query: CostQuery;
  args: string[];
  plainSql: string;
}

const QUESTIONS: Question[] = [
  {
    name: "by model, since 30d",
    query: { by: ["model"], since: SINCE_MS },
    args: ["--by", "model", "--since", new Date(SINCE_MS).toISOString()],
    plainSql: `SELECT u.model, ${SUMS} FROM usage_rows u
      WHERE u.counted AND u.ended_ms >= ${SINCE_MS} GROUP BY 1`,
  },
  {
    name: "by day,repo, all time",
    query: { by: ["day", "repo"] },
    args: ["--by", "day,repo"],
    plainSql: `SELECT date(u.ended_ms / 1000, 'unixepoch'), e.repo, ${SUMS}
      FROM usage_rows u LEFT JOIN executions e ON e.id = u.execution_id WHERE u.counted GROUP BY 1, 2`,
  },
];

function timeMs(rounds: number, run: () => void): number {
  const times = Array.from({ length: rounds }, () => {
    const beganMs = performance.now();
    run();
    return performance.now() - beganMs;
  });
  return median(times);
}

/** Totals of all finished days first, as a writer builds them day by day, and then the purge. */
function purge(path: string): void {
  const store = new Store({ path, writer: "bench", busyTimeoutMs: 1000 });
  const maintainer = store.maintainer({ retentionMs: 90 * DAY_MS, maxDbBytes: 0 });
  while (maintainer.step(NOW_MS).didWork);
  store.close();
}

function plainSums(rows: unknown[][], keys: number): string {
  const cells = rows.map((row) => [row.slice(0, keys).join(), row.slice(keys + 1).map(Number)]);
  return JSON.stringify(cells.toSorted());
}

function reportSums({ groups, by }: CostReport): string {
  const cells = groups.map((group) => [
    by.map((name) => group.key[name]).join(),
    [
      ...[group.inputTokens, group.cacheReadTokens, group.cacheCreationTokens],
      ...[group.outputTokens, group.costNanoUsd ?? 0],
    ],
  ]);
  return JSON.stringify(cells.toSorted());
}

function ask(question: Question, path: string, plainPath: string): Figure[] {
  const { name, query, args, plainSql } = question;
  const plain = new Database(plainPath, { readonly: true });
  const plainMs = timeMs(3, () => plain.prepare(plainSql).values());
  const isEqual =
    plainSums(plain.prepare(plainSql).values(), query.by?.length ?? 0) ===
    reportSums(withReader(path, query));
  plain.close(true);
  const inProcessMs = timeMs(ROUNDS, () => withReader(path, query));
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

function withReader(path: string, query: CostQuery): CostReport {
  using reader = openReader(path);
  return costReport(reader, query);
}

/** Spans a second that a writer writes, alone or beside a process that reports again and again. */
function writeSpeed(path: string, seconds: number, hasReader: boolean): number {
  const writer = new BatchWriter(path);
  const source = agentSpans();
  const reader = hasReader ? Bun.spawn([process.execPath, import.meta.path, READ, path]) : null;
  let spans = 0;
  const beganMs = performance.now();
  while (performance.now() - beganMs < seconds * 1000) {
    const batch = take(source, BATCH_SPANS);
    writer.write(encoded(batch), endMs(batch));
    spans += batch.length;
  }
  const speed = (spans / (performance.now() - beganMs)) * 1000;
  reader?.kill();
  writer.close();
  return speed;
}

async function readForever(path: string): Promise<never> {
  for (;;) {
    withReader(path, { by: ["model"] });
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
  createSampleDatabase(plainPath, { seed: 1, runs, lastMs: NOW_MS, days: 400, repos: 40 });
  copyFileSync(plainPath, path);
  purge(path);
  const seconds = numberOption("seconds", 10);
  const alone = writeSpeed(join(directory, "alone.db"), seconds, false);
  const beside = writeSpeed(join(directory, "live.db"), seconds, true);
  report(`A report over ${runs.toLocaleString("en")} runs, 310 of 400 days purged`, [
    ...QUESTIONS.flatMap((question) => ask(question, path, plainPath)),
    { name: "a writer alone", value: alone, unit: "spans/s" },
    { name: "beside a report every 100 ms", value: beside, unit: "spans/s" },
    { name: "of its speed", value: beside / alone, unit: "×", goal: { atLeast: 0.95 } },
  ]);
} finally {
  rmSync(directory, { recursive: true });
}
