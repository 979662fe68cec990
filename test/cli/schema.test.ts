import { afterAll, beforeAll, expect, test } from "bun:test";
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

async function schema(...args: string[]): Promise<string> {
  const { exitCode, out, error } = await commandLine(["--db", path, "schema", ...args]);
  expect([exitCode, error]).toEqual([0, ""]);
  return `\n${out}\n`;
}

test("spanledger schema NAME prints columns with types, units and comments", async () => {
  expect(await schema("exporter_health")).toMatchInlineSnapshot(`
    "
    table exporter_health

    column    type     unit
    writer    TEXT               one life of one exporter
    outcome   TEXT               written, dropped, or set_aside: a damaged file that stood here
    reason    TEXT               why dropped; '' where written; where the file is now
    spans     INTEGER
    first_at  TEXT     UTC text  UTC
    last_at   TEXT     UTC text
    "
  `);
  expect(await schema("run_costs")).toMatchInlineSnapshot(`
    "
    view run_costs

    column                 type     unit
    id                     INTEGER
    trace_id               TEXT
    ended_at               TEXT     UTC text    UTC, YYYY-MM-DD HH:MM:SS
    day                                         UTC, YYYY-MM-DD
    month                                       UTC, YYYY-MM
    agent_name             TEXT
    repo                   TEXT
    pr_number              INTEGER
    event_type             TEXT
    session_id             TEXT
    provider               TEXT
    model                  TEXT                 the one it ran on, or was configured for
    conclusion             TEXT                 success, failure or error
    failed                                      1 or 0
    error_type             TEXT
    num_turns              INTEGER
    duration_s                                  seconds
    input_tokens           INTEGER  tokens      uncached input
    cache_read_tokens      INTEGER  tokens
    cache_creation_tokens  INTEGER  tokens
    output_tokens          INTEGER  tokens
    cache_hit_share                 0 to 1      of all input, 0 to 1
    cost_usd               REAL     US dollars  NULL: unknown
    cost_source            TEXT                 reported, estimated or none
    is_lower_bound                              1: a part of its cost is unknown
    "
  `);
});

test("spanledger schema prints every table and view of the file", async () => {
  const text = await schema();
  for (const name of ["executions", "model_usage", "spans", "usage_daily", "daily_costs"]) {
    expect(text).toMatch(new RegExp(`^(table|view) ${name}$`, "m"));
  }
});

test("--format csv and --json", async () => {
  expect(
    (await schema("exporter_health", "--format", "csv"))
      .trim()
      .split("\n")
      .filter((line) => !/reason|outcome|_at/.test(line)),
  ).toEqual([
    "table,column,type,unit,comment",
    "exporter_health,writer,TEXT,,one life of one exporter",
    "exporter_health,spans,INTEGER,,",
  ]);
  const [table] = JSON.parse(await schema("executions", "--json"));
  expect(table.columns).toContainEqual({
    name: "cost_nano_usd",
    type: "INTEGER",
    unit: "nano-dollars",
    comment: "the known part of its cost; NULL: none is known",
  });
});

test("a name that does not exist is told from the one that was meant", async () => {
  const { exitCode, error } = await commandLine(["--db", path, "schema", "execution"]);
  expect(exitCode).toBe(1);
  expect(error).toBe('There is no table or view "execution". Did you mean executions?');
});
