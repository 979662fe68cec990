/**
 * Two reports over the same runs by spanledger, plain SQL, DuckDB and ccusage, which reads the logs of
 * Claude Code. spanledger's file has been purged of all but 90 of 400 days, as a bot's would be, and
 * answers from what it keeps of them; the others read every row or line.
 * `--runs 200000`: how many; `--rounds 5`: how often each, of which the median counts.
 */
import { Database } from "bun:sqlite";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSampleDatabase } from "../../support/sample-database.ts";
import { builtCommandLine } from "../command-line.ts";
import {
  answer,
  BY_DAY_AND_REPO,
  BY_MODEL,
  plainSums,
  purge,
  type Question,
  reportSums,
  SINCE_MS,
  sampleShape,
  timeMs,
} from "../cost-questions.ts";
import { type Figure, median, numberOption, report } from "../figures.ts";
import { writeClaudeLogs } from "./claude-logs.ts";
import { DuckDb, duckdbSql, fillDuckDb } from "./duckdb.ts";
import manifest from "./package.json" with { type: "json" };

const { devDependencies: versions } = manifest;
const DUCKDB = `DuckDB ${versions["@duckdb/node-api"]}`;
const CCUSAGE = `ccusage ${versions.ccusage}`;
const MAIN = builtCommandLine();
/** The binary itself: what its launcher in JavaScript takes is not counted. */
const CCUSAGE_BINARY = join(
  import.meta.dirname,
  `node_modules/@ccusage/ccusage-${process.platform}-${process.arch}/bin/ccusage`,
);
const CCUSAGE_ARGS = ["claude", "daily", "--json", "--offline", "--timezone", "UTC"];
const CCUSAGE_QUESTIONS: Map<Question, string[]> = new Map([
  [BY_MODEL, ["--breakdown", "--since", new Date(SINCE_MS).toISOString().slice(0, 10)]],
  [BY_DAY_AND_REPO, ["--instances"]],
]);

interface Places {
  /** All rows. */
  plain: string;
  /** Purged. */
  ledger: string;
  duckdb: string;
  logs: string;
}

function shell(command: string[], env: Record<string, string> = {}): string {
  const child = Bun.spawnSync(command, { env: { ...process.env, ...env }, stderr: "inherit" });
  if (child.exitCode !== 0) throw new Error(`${command.join(" ")} exited with ${child.exitCode}.`);
  return child.stdout.toString();
}

function figure(question: Question, by: string, value: number): Figure {
  return { name: `${question.name}: ${by}`, value, unit: "ms" };
}

function isEqual(question: Question, rows: unknown[][], ledger: string): void {
  if (plainSums(rows, question) === reportSums(answer(ledger, question))) return;
  throw new Error(`${question.name}: the sums differ.`);
}

/** With all files open and warm. */
async function inProcess(question: Question, places: Places, rounds: number): Promise<Figure[]> {
  const sqlite = new Database(places.plain, { readonly: true });
  const plain = sqlite.prepare(question.plainSql);
  isEqual(question, plain.values(), places.ledger);
  const duckdb = await DuckDb.open(places.duckdb);
  const ofDuckDb = async (source: string): Promise<number> => {
    const sql = duckdbSql(question, source);
    isEqual(question, await duckdb.rows(sql), places.ledger);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const beganMs = performance.now();
      await duckdb.rows(sql);
      times.push(performance.now() - beganMs);
    }
    return median(times);
  };
  const figures = [
    figure(
      question,
      "spanledger",
      timeMs(rounds, () => answer(places.ledger, question)),
    ),
    figure(
      question,
      "plain SQL in SQLite",
      timeMs(rounds, () => plain.values()),
    ),
    figure(question, `${DUCKDB}, its own table`, await ofDuckDb("usage")),
    figure(question, `${DUCKDB}, a Parquet file`, await ofDuckDb(`'${places.duckdb}.parquet'`)),
  ];
  plain.finalize();
  sqlite.close(true);
  duckdb.close();
  return figures;
}

/** From the start of a process to its end. */
function fromShell(question: Question, places: Places, rounds: number): Figure[] {
  const { ledger, duckdb, logs } = places;
  const script = join(import.meta.dirname, "duckdb.ts");
  const ccusageArgs = [...CCUSAGE_ARGS, ...(CCUSAGE_QUESTIONS.get(question) ?? [])];
  const commands: [string, string[]][] = [
    ["spanledger", [process.execPath, MAIN, "--db", ledger, "report", ...question.args]],
    [DUCKDB, [process.execPath, script, duckdb, duckdbSql(question, "usage")]],
    [CCUSAGE, [CCUSAGE_BINARY, ...ccusageArgs]],
  ];
  return commands.map(([name, command]) =>
    figure(
      question,
      `${name}, from the shell`,
      timeMs(rounds, () => shell(command, { CLAUDE_CONFIG_DIR: logs })),
    ),
  );
}

/** What ccusage found in the logs is what the ledger says. */
function checkCcusage({ ledger, logs }: Places): void {
  chmodSync(CCUSAGE_BINARY, 0o755); // As its launcher does.
  const said = shell([CCUSAGE_BINARY, ...CCUSAGE_ARGS], { CLAUDE_CONFIG_DIR: logs });
  const { totals } = JSON.parse(said) as { totals: Record<string, number> };
  const { total } = answer(ledger, BY_DAY_AND_REPO);
  const theirs = [totals["inputTokens"], totals["cacheReadTokens"], totals["outputTokens"]];
  const ours = [total.inputTokens, total.cacheReadTokens, total.outputTokens];
  if (theirs.join() !== ours.join()) throw new Error(`ccusage: ${theirs}, and not ${ours}.`);
}

const runs = numberOption("runs", 200_000);
const rounds = numberOption("rounds", 5);
const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
try {
  const place = (name: string): string => join(directory, name);
  const places: Places = {
    plain: place("plain.db"),
    ledger: place("ledger.db"),
    duckdb: place("usage.duckdb"),
    logs: place("claude"),
  };
  createSampleDatabase(places.plain, sampleShape(runs));
  copyFileSync(places.plain, places.ledger);
  purge(places.ledger);
  await fillDuckDb(places.duckdb, places.plain);
  writeClaudeLogs(places.logs, places.plain);
  checkCcusage(places);
  const figures: Figure[] = [];
  for (const question of [BY_MODEL, BY_DAY_AND_REPO]) {
    figures.push(...(await inProcess(question, places, rounds)));
    figures.push(...fromShell(question, places, rounds));
  }
  report(`Reports over ${runs.toLocaleString("en")} runs`, figures);
} finally {
  rmSync(directory, { recursive: true });
}
