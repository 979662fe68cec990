/** Names come from spans, and spans from anywhere. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Store } from "../../src/store/store.ts";
import { ACME_NOW_MS } from "../support/acme.ts";
import { commandLine } from "../support/command-line.ts";
import { execution, modelUsage, spanRow, usage } from "../support/span-rows.ts";

/** Clears the screen (7 and 8 bits), forges a line, turns the direction, runs in a spreadsheet. */
const NAMES = [
  "\u001b[2J\u001b[31mred",
  "\u009b2Jc1",
  "line\r\nforged,1,2",
  "a\u202egnp.exe\u2066",
  "=cmd|' /C calc'!A0",
  "+1-2",
  "-3",
  "@SUM(A1)",
  "\t=1+1",
  'quote",comma',
  "pipe|<b>*md*</b>",
] as const;

let path: string;
beforeAll(() => {
  path = join(mkdtempSync(join(tmpdir(), "spanledger-")), "t.db");
  const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
  for (const [trace, name] of NAMES.entries()) {
    const models = [modelUsage({ model: name, reportedCostNanoUsd: -0 + trace })];
    const facts = { repo: name, agentName: name, errorType: name, conclusion: "error" } as const;
    const row = { name, statusCode: 2, detail: JSON.stringify({ statusMessage: name }) };
    store.write(
      [spanRow({ trace, ...row, execution: execution(facts), usage: usage({ models }) })],
      ACME_NOW_MS,
    );
  }
  store.recordDrops({ "\u001b[31mreason": 1 }, ACME_NOW_MS);
  store.close();
});
afterAll(() => rmSync(dirname(path), { recursive: true }));

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const COMMANDS = [
  ["report", "--by", "repo,model"],
  ["report", "--by", "repo", "--compare", "7d"],
  ["runs"],
  ["tail"],
  ["sql", 'SELECT repo, agent_name AS "x\u001b[2J" FROM executions'],
  ["trace", "1"],
] as const;

for (const command of COMMANDS) {
  for (const format of ["table", "csv", "markdown", "json"]) {
    const hasFormats = !["trace", "tail"].includes(command[0]);
    const flags = hasFormats ? ["--format", format] : format === "json" ? ["--json"] : [];
    test(`${command.slice(0, 2).join(" ")} as ${format} prints no control or bidi character`, async () => {
      const args = ["--db", path, ...command, ...flags];
      const { exitCode, out, error } = await commandLine(args, { interrupted: async () => {} });
      expect([exitCode, error]).toEqual([0, ""]);
      expect(out).not.toMatch(UNSAFE);
    });
  }
}

test("an error message prints none either, and is as many lines as it says itself", async () => {
  const evil = "\u001b[2Jx\nforged\u202e";
  const lines = [
    ["--db", path, "trace", evil],
    ["--db", evil, "report"],
    ["--db", evil, "backup", evil],
    ["--db", path, "sql", `SELECT * FROM "${evil}"`],
    ["--db", path, "schema", evil],
  ];
  for (const args of lines) {
    const { exitCode, error } = await commandLine(args);
    expect(exitCode).toBe(1);
    expect(error).not.toMatch(UNSAFE);
    expect(error).not.toContain("\n");
  }
  for (const args of [["report", `--${evil}`], ["report", "--by", evil], [evil]]) {
    const { exitCode, error } = await commandLine(args);
    expect(exitCode).toBe(2);
    expect(error).not.toMatch(UNSAFE);
  }
});

test("no line is forged: as many as there are runs", async () => {
  const { out } = await commandLine(["--db", path, "runs"]);
  expect(out.split("\n")).toHaveLength(NAMES.length + 1);
});

test("CSV cells that begin a formula are text, and numbers stay numbers", async () => {
  const args = ["--db", path, "report", "--by", "repo", "--sort", "key", "--format", "csv"];
  const { out } = await commandLine(args);
  const cells = out.split("\n").slice(1);
  expect(cells.map((line) => line.split(/,1,1,10,/)[0])).toMatchInlineSnapshot(`
    [
      "'�=1+1",
      "'�[2J�[31mred",
      "'+1-2",
      "'-3",
      "'=cmd|' /C calc'!A0",
      "'@SUM(A1)",
      "a�gnp.exe�",
      ""line��forged,1,2"",
      "pipe|<b>*md*</b>",
      ""quote"",comma"",
      "'�2Jc1",
    ]
  `);
  const query = "SELECT -5 AS a, '-5' AS b, -0.5 AS c, '=1' AS \"=d\"";
  const { out: sql } = await commandLine(["--db", path, "sql", query, "--format", "csv"]);
  expect(sql).toMatchInlineSnapshot(`
    "a,b,c,'=d
    -5,'-5,-0.5,'=1"
  `);
  const wide = "SELECT '＝1' AS a, '＋1' AS b, '－1' AS c, '＠A1' AS d, 'a=1' AS e";
  const { out: full } = await commandLine(["--db", path, "sql", wide, "--format", "csv"]);
  expect(full.split("\n")[1]).toBe("'＝1,'＋1,'－1,'＠A1,a=1");
});

test("JSON says the names as they are", async () => {
  const { out } = await commandLine(["--db", path, "report", "--by", "repo", "--json"]);
  const names = JSON.parse(out).groups.map(({ key }: { key: { repo: string } }) => key.repo);
  expect(names.toSorted()).toEqual(NAMES.toSorted());
});
