import { afterEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/store/database.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { canRun, Host, killChildren, range, spansIn } from "./child.ts";

const tempDir = useTempDir();
afterEach(killChildren);

const BATCH = 40;
const ROUNDS = Number(process.env["FAULT_ROUNDS"] ?? 200);
/** Each write, with 1; the rest are for other runs, which begin elsewhere. */
const WRITE_STEP = Number(process.env["FAULT_WRITE_STEP"] ?? 3);
const hasStrace = canRun("strace", ["strace", "-o", "/dev/null", "true"]);

/** Batch after batch, each flushed and then acknowledged on stdout, until it dies. */
const WRITER = join(import.meta.dir, "acknowledging-host.ts");

async function acknowledged(host: Host): Promise<number> {
  let batches = 0;
  while ((await host.read()) !== undefined) batches += 1;
  return batches;
}

/** What a killed writer leaves: whole batches, all that were acknowledged, and a sound file. */
function expectWhole(dbPath: string, batches: number): void {
  if (batches === 0 && !existsSync(dbPath)) return;
  openDatabase(dbPath, 2000).close(true); // The next host finds its way in, wherever the last one died.
  const { numbers, integrity } = spansIn(dbPath);
  expect(integrity).toBe("ok");
  expect(numbers.length % BATCH).toBe(0);
  expect(numbers.length).toBeGreaterThanOrEqual(batches * BATCH);
  expect(numbers).toEqual(range(numbers.length));
}

describe("kill -9", () => {
  test(`at ${ROUNDS} random moments: acknowledged batches are there, whole`, async () => {
    let acks = 0;
    const round = async (): Promise<void> => {
      const dbPath = join(tempDir(), "t.db");
      const host = new Host({ dbPath }, { command: [process.execPath, WRITER, String(BATCH)] });
      // Some die before the first batch is in: while the file is made.
      const isEarly = Math.random() < 0.2;
      const kill = (): void => host.child.kill("SIGKILL");
      if (isEarly) setTimeout(kill, 100 + Math.random() * 200);
      const first = (await host.read()) === undefined ? 0 : 1;
      setTimeout(kill, Math.random() * 60);
      const batches = first + (await acknowledged(host));
      expectWhole(dbPath, batches);
      acks += batches;
    };
    // Four at a time: most of a round is the start of a process.
    const lane = async (rounds: number): Promise<void> => {
      for (let i = 0; i < rounds; i += 1) await round();
    };
    await Promise.all([0, 1, 2, 3].map((i) => lane(Math.ceil((ROUNDS - i) / 4))));
    expect(acks).toBeGreaterThan(ROUNDS);
    console.log(`${ROUNDS} kills, ${acks} acknowledged batches`);
  }, 300_000);

  test.skipIf(!hasStrace)(
    "at every n-th write to the file: acknowledged batches are there, whole",
    async () => {
      const finished: number[] = [];
      const round = async (n: number): Promise<void> => {
        const dbPath = join(tempDir(), "t.db");
        const kill = ["-e", "trace=pwrite64", "-e", `inject=pwrite64:signal=KILL:when=${n}`];
        const strace = [
          "strace",
          "-f",
          "-qq",
          "-o",
          "/dev/null",
          "-P",
          dbPath,
          "-P",
          `${dbPath}-wal`,
        ];
        const host = new Host(
          { dbPath },
          {
            prefix: [...strace, ...kill],
            command: [process.execPath, WRITER, String(BATCH)],
            env: { BATCHES: "2" },
          },
        );
        const batches = await acknowledged(host);
        expectWhole(dbPath, batches);
        if (batches === 2 && (await host.child.exited) === 0) finished.push(n);
      };
      let next = 1 + Math.floor(Math.random() * WRITE_STEP);
      const lane = async (): Promise<void> => {
        while (finished.length === 0 && next < 1000) {
          const n = next;
          next += WRITE_STEP;
          await round(n);
        }
      };
      await Promise.all([lane(), lane(), lane()]);
      expect(finished).not.toEqual([]);
      console.log(`killed at each ${WRITE_STEP}. write up to ${Math.min(...finished)}`);
    },
    300_000,
  );
});
