import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

/** The true figures of the recorded runs, delivery by delivery: uncached, output, read, written, nano-dollars. */
const TRUTH: Record<string, (number | null)[]> = {
  "d-01": [12, 5, 0, 2048, 7_791_000],
  "d-02": [25, 32, 2048, 2176, 9_329_400],
  "d-03": [25, 32, 2048, 2176, 9_329_400],
  "d-04": [37, 37, 2048, 4224, 17_120_400],
  "d-05": [37, 37, 2048, 4224, 17_120_400],
  "d-06": [39, 42, 6144, 2304, 11_230_200],
  "d-07": [0, 0, 0, 0, 0],
  "d-08": [null, null, null, null, null],
  "d-09": [50, 61, 4096, 4352, 18_613_800],
};

async function start(dbPath: string): Promise<string> {
  const child = Bun.spawn([process.execPath, "data/replay.ts"], {
    env: { ...process.env, TELEMETRY_DB_PATH: dbPath, NO_COLOR: "1" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect([errors, exitCode]).toEqual(["", 0]);
  return output;
}

/** What a person's shell prints for a command that the main job told them of. */
async function shell(command: string, dbPath: string): Promise<string> {
  const PATH = `${dirname(process.execPath)}:${process.env["PATH"]}`;
  const env = { ...process.env, PATH, TELEMETRY_DB_PATH: dbPath, NO_COLOR: "1" };
  const child = Bun.spawn(["sh", "-c", command], { env, stdout: "pipe", stderr: "pipe" });
  expect([await new Response(child.stderr).text(), await child.exited]).toEqual(["", 0]);
  return new Response(child.stdout).text();
}

test("the main job writes the true tokens and nano-dollars of every recorded run, and reports them", async () => {
  const dbPath = join(tempDir(), "t.db");
  const output = await start(dbPath);
  expect(output).toContain("Replaying 9 recorded deliveries");
  expect(output).toMatch(/^total +9 +3 +225 +18,432 +21,504 +246 +46 % +\$0\.0905 +\$0\.0101 /m);
  expect(output).toMatch(/^invoke_agent reviewer /m);
  const readme = await Bun.file("README.md").text();
  // Durations are this machine's; all before them is the recorded runs'.
  for (const [line] of output.matchAll(/^(?:claude|total) .*\$[\d.]+(?= )/gm)) {
    expect(readme).toContain(line);
  }
  const db = new Database(dbPath, { readonly: true });
  const rows = db
    .query(
      `SELECT delivery_id, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens,
         cost_nano_usd FROM executions ORDER BY delivery_id`,
    )
    .values() as [string, ...(number | null)[]][];
  expect(Object.fromEntries(rows.map(([id, ...figures]) => [id, figures]))).toEqual(TRUTH);
  const [sql = "", report = "", trace = ""] = output
    .slice(output.indexOf("To look further:\n"))
    .split("\n  ")
    .slice(1);
  // SQLite's own command line may be missing here: its query is run all the same.
  expect(db.query(sql.split('"')[1] ?? "").values()).toHaveLength(5);
  db.close(true);
  expect(await shell(report, dbPath)).toMatch(/^review .*^total /ms);
  expect(await shell(trace, dbPath)).toContain("invoke_agent reviewer");
}, 60_000);

test("a second start adds a second set of runs", async () => {
  const dbPath = join(tempDir(), "t.db");
  await Promise.all([start(dbPath), start(dbPath)]);
  const db = new Database(dbPath, { readonly: true });
  expect(db.query("SELECT count(*), sum(cost_nano_usd) FROM executions").values()).toEqual([
    [18, 2 * 90_534_600],
  ]);
  db.close(true);
}, 30_000);
