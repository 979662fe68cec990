import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { writeAcme } from "../support/acme.ts";
import { commandLine } from "../support/command-line.ts";

let path: string;
beforeAll(() => {
  path = join(mkdtempSync(join(tmpdir(), "spanledger-")), "t.db");
  writeAcme(path);
});
afterAll(() => rmSync(dirname(path), { recursive: true }));

async function sql(query: string, ...args: string[]): Promise<string> {
  const { exitCode, out, error } = await commandLine(["--db", path, "sql", query, ...args]);
  expect([exitCode, error]).toEqual([0, ""]);
  return `\n${out}\n`;
}

const QUERY = `SELECT repo, count(*) AS runs, sum(cost_usd) AS usd, max(start_ns) AS last_ns
  FROM executions LEFT JOIN spans USING (trace_id) GROUP BY repo ORDER BY repo`;

test("spanledger sql prints what a query finds, with all digits", async () => {
  expect(await sql(QUERY)).toMatchInlineSnapshot(`
    "
    repo       runs                  usd              last_ns
    -             1                       1794455997000000000
    acme/api      2              0.13225  1795172338000000000
    acme/docs     1                       1794887996000000000
    acme/web      2  0.27440000000000003  1795082270000000000
    "
  `);
  expect(await sql(QUERY, "--format", "csv")).toMatchInlineSnapshot(`
    "
    repo,runs,usd,last_ns
    ,1,,1794455997000000000
    acme/api,2,0.13225,1795172338000000000
    acme/docs,1,,1794887996000000000
    acme/web,2,0.27440000000000003,1795082270000000000
    "
  `);
  expect(await sql(QUERY, "--format", "markdown")).toMatchInlineSnapshot(`
    "
    | repo | runs | usd | last\\_ns |
    | --- | ---: | ---: | ---: |
    | - | 1 |  | 1794455997000000000 |
    | acme/api | 2 | 0.13225 | 1795172338000000000 |
    | acme/docs | 1 |  | 1794887996000000000 |
    | acme/web | 2 | 0.27440000000000003 | 1795082270000000000 |
    "
  `);
  expect(await sql(`${QUERY} LIMIT 1 OFFSET 1`, "--json")).toMatchInlineSnapshot(`
    "
    [
      {
        "repo": "acme/api",
        "runs": 2,
        "usd": 0.13225,
        "last_ns": 1795172338000000000
      }
    ]
    "
  `);
});

test("columns of one name are told apart, blobs are hexadecimal, comments are fine", async () => {
  const query = "/* what; */\nSELECT 1 AS a, 2 AS a, x'00ff' AS b, 'a;b' AS c -- ;";
  expect(JSON.parse(await sql(query, "--json"))).toEqual([{ a: 1, a_2: 2, b: "00ff", c: "a;b" }]);
});

describe("what is too much is not held", () => {
  test.each([
    [
      "rows without an end",
      "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
    ],
    ["a value without measure", "SELECT zeroblob(270000000)"],
  ])(
    "%s",
    async (_, query) => {
      const { exitCode, out, error } = await commandLine(["--db", path, "sql", query]);
      expect([exitCode, out]).toEqual([1, ""]);
      expect(error).toBe(
        "The answer has more than 1,000,000 rows, or more than 256 MiB: add a LIMIT, or choose fewer columns.",
      );
    },
    30_000,
  );
});

test("columns keep their order, whatever they are named", async () => {
  const query = 'SELECT 1 AS b, 2 AS "0", 3 AS __proto__, 4 AS b, 5 AS a ORDER BY 1;';
  expect(await sql(query, "--format", "csv")).toBe("\nb,0,__proto__,b_2,a\n1,2,3,4,5\n");
});

test("no rows are a sentence, or an empty list", async () => {
  expect(await sql("SELECT 1 WHERE 0")).toBe("\nNo rows.\n");
  expect(await sql("SELECT 1 WHERE 0", "--json")).toBe("\n[]\n");
});

describe("spanledger sql cannot", () => {
  test.each([
    ["write", "DELETE FROM executions"],
    ["write behind WITH", "WITH x AS (SELECT 1) DELETE FROM executions"],
    ["write behind EXPLAIN's back", "EXPLAIN SELECT 1; DELETE FROM executions"],
    ["attach another file", "ATTACH DATABASE '/etc/passwd' AS other"],
    ["attach behind a comment", "/* SELECT */ ATTACH DATABASE 'x' AS other"],
    ["set a pragma", "PRAGMA journal_mode = DELETE"],
    ["checkpoint", "PRAGMA wal_checkpoint(TRUNCATE)"],
    ["begin a transaction", "BEGIN IMMEDIATE"],
    ["vacuum into a file", "VACUUM INTO '/tmp/copy.db'"],
    ["run a second statement", "SELECT 1; SELECT 2"],
    ["hide a second statement in quotes", "SELECT 'a' || ';' ; DROP TABLE spans --'"],
    ["load an extension", "SELECT load_extension('evil.so')"],
    ["read a file", "SELECT readfile('/etc/passwd')"],
    ["write a file", "SELECT writefile('/tmp/x', 'y')"],
    ["create a temporary table", "CREATE TEMP TABLE t (a)"],
    ["run nothing", "/* SELECT 1 */"],
    ["run what is no SQL", "SELECT FROM WHERE"],
  ])("%s", async (_, query) => {
    const before = await sql("SELECT count(*) AS n FROM executions", "--json");
    const { exitCode, out, error } = await commandLine(["--db", path, "sql", query]);
    expect([exitCode, out]).toEqual([1, ""]);
    expect(error).toMatch(/^[A-Z].*\.$/);
    expect(await sql("SELECT count(*) AS n FROM executions", "--json")).toBe(before);
  });
});
