import { Database } from "bun:sqlite";
import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { integrityProblems } from "../../src/store/integrity.ts";
import { ledger } from "../support/ledger.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { Host, killChildren, range } from "./child.ts";

const tempDir = useTempDir();
afterEach(killChildren);

const PROCESSES = 3;
const KILLS = Number(process.env["PURGE_KILLS"] ?? 4);
const TRACES_APART = 1_000_000;
const WRITER = join(import.meta.dir, "purging-writer.ts");

/** Starts one writer after the other, each of which is killed, and begins a few runs before the last one's end. */
async function runsOf(dbPath: string, firstTrace: number): Promise<number> {
  let runs = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const from = String(Math.max(0, runs - 4));
    const command = [process.execPath, WRITER, dbPath, String(firstTrace), from];
    const host = new Host({ dbPath }, { command });
    let last = await host.read();
    setTimeout(() => host.child.kill("SIGKILL"), Math.random() * 1000);
    for (; last !== undefined; last = await host.read()) runs = Math.max(runs, Number(last) + 1);
  }
  return runs;
}

test(`${PROCESSES} processes write and purge at once, each killed ${KILLS} times: each run counts once`, async () => {
  const dbPath = join(tempDir(), "t.db");
  const firstTraces = range(PROCESSES).map((i) => (i + 1) * TRACES_APART);
  const runs = await Promise.all(firstTraces.map((first) => runsOf(dbPath, first)));
  const lines = ledger(dbPath);
  let counted = 0;
  firstTraces.forEach((first, i) => {
    for (const run of range(runs[i] ?? 0)) {
      const own = lines.filter((line) => line.agent_name === `agent-${first + run}`);
      const sums = own.map((line) => [line.runs, line.cost_nano_usd]);
      expect(sums).toEqual([[1, 1000 + run]]);
      counted += 1;
    }
  });
  expect(counted).toBeGreaterThan(PROCESSES * KILLS);
  const db = new Database(dbPath, { readonly: true });
  expect(integrityProblems(db)).toEqual([]);
  db.close(true);
  console.log(`${PROCESSES * KILLS} kills, ${counted} runs`);
}, 120_000);
