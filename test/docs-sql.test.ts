import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openReader, type Reader } from "../src/store/reader.ts";
import { Store } from "../src/store/store.ts";
import { createSampleDatabase } from "./support/sample-database.ts";
import { spanRow } from "./support/span-rows.ts";

const PAGE = await Bun.file(join(import.meta.dir, "../docs/sql.md")).text();
const QUESTIONS = [...PAGE.matchAll(/^## (\d+\. .+)\n\n```sql\n([\s\S]*?)```/gm)].map(
  ([, question = "", sql = ""]) => ({ question, sql }),
);

let directory: string;
let reader: Reader;

beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "spanledger-")));
  const path = join(directory, "t.db");
  // The queries ask for days up to now.
  createSampleDatabase(path, { seed: 7, runs: 400, lastMs: Date.now(), days: 40, repos: 3 });
  const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
  store.write([spanRow({ name: "execute_tool Bash", statusCode: 2 })], Date.now());
  store.close();
  reader = openReader(path);
});
afterAll(() => {
  reader.close();
  rmSync(directory, { recursive: true });
});

test("docs/sql.md asks ten questions", () => {
  expect(QUESTIONS).toHaveLength(10);
});

test.each(QUESTIONS)("$question The SQL in docs/sql.md answers it", ({ sql }) => {
  const { columns, rows } = reader.query(sql);
  expect(rows.length).toBeGreaterThan(0);
  // Nothing is asked that the file cannot answer: some row has a value in each column.
  for (const [index, name] of columns.entries()) {
    expect([name, rows.some((row) => row[index] !== null)]).toEqual([name, true]);
  }
});

test("daily_costs adds up to what runs and calls cost", () => {
  const [daily] = reader.values(
    "SELECT sum(runs), sum(cost_nano_usd), sum(unpriced) FROM daily_costs",
  );
  const [uses] = reader.values(
    `SELECT (SELECT count(*) FROM executions), sum(cost_nano_usd), sum(cost_nano_usd IS NULL)
     FROM usage_rows WHERE counted`,
  );
  expect(daily).toEqual(uses ?? []);
});
