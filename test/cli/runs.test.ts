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

async function runs(...args: string[]): Promise<string> {
  const { exitCode, out, error } = await commandLine(["--db", path, "runs", ...args]);
  expect([exitCode, error]).toEqual([0, ""]);
  return `\n${out}\n`;
}

test("spanledger runs lists the newest first", async () => {
  expect(await runs()).toMatchInlineSnapshot(`
    "
    run  ended                agent     repo       pr  event    model              conclusion          turns    duration     cost
      6  2026-11-20 11:00:00  reviewer  acme/api   41  review   claude-sonnet-4-5  success                 3   1 min 2 s  $0.1216
      5  2026-11-20 07:00:00  reviewer  acme/api   41  mention  claude-sonnet-4-5  success                 3       9.0 s  $0.0107
      4  2026-11-19 10:00:00  reviewer  acme/web    7  review   claude-sonnet-4-5  failure: max_turns      3  2 min 10 s  $0.2649
      3  2026-11-19 06:00:00  writer    acme/web    8  review   gpt-5              success                 3      18.0 s  $0.0095
      2  2026-11-17 04:00:00  writer    acme/docs      write    in-house-7b        success                 3       4.0 s        ?
      1  2026-11-12 04:00:00  reviewer  -              write    claude-sonnet-4-5  error: AbortError       3       3.0 s        ?
    "
  `);
});

test("--order dearest and slowest, --top", async () => {
  expect(await runs("--order", "dearest", "--top", "2")).toMatchInlineSnapshot(`
    "
    run  ended                agent     repo      pr  event   model              conclusion          turns    duration     cost
      4  2026-11-19 10:00:00  reviewer  acme/web   7  review  claude-sonnet-4-5  failure: max_turns      3  2 min 10 s  $0.2649
      6  2026-11-20 11:00:00  reviewer  acme/api  41  review  claude-sonnet-4-5  success                 3   1 min 2 s  $0.1216
    "
  `);
  expect(await runs("--order", "slowest", "--top", "2")).toMatchInlineSnapshot(`
    "
    run  ended                agent     repo      pr  event   model              conclusion          turns    duration     cost
      4  2026-11-19 10:00:00  reviewer  acme/web   7  review  claude-sonnet-4-5  failure: max_turns      3  2 min 10 s  $0.2649
      6  2026-11-20 11:00:00  reviewer  acme/api  41  review  claude-sonnet-4-5  success                 3   1 min 2 s  $0.1216
    "
  `);
});

test("--failed, --session, --pr and --where choose runs", async () => {
  expect(await runs("--failed")).toMatchInlineSnapshot(`
    "
    run  ended                agent     repo      pr  event   model              conclusion          turns    duration     cost
      4  2026-11-19 10:00:00  reviewer  acme/web   7  review  claude-sonnet-4-5  failure: max_turns      3  2 min 10 s  $0.2649
      1  2026-11-12 04:00:00  reviewer  -             write   claude-sonnet-4-5  error: AbortError       3       3.0 s        ?
    "
  `);
  expect(await runs("--session", "s-1")).toMatchInlineSnapshot(`
    "
    run  ended                agent     repo      pr  event    model              conclusion  turns   duration     cost
      6  2026-11-20 11:00:00  reviewer  acme/api  41  review   claude-sonnet-4-5  success         3  1 min 2 s  $0.1216
      5  2026-11-20 07:00:00  reviewer  acme/api  41  mention  claude-sonnet-4-5  success         3      9.0 s  $0.0107
    "
  `);
  expect(await runs("--pr", "7")).toMatchInlineSnapshot(`
    "
    run  ended                agent     repo      pr  event   model              conclusion          turns    duration     cost
      4  2026-11-19 10:00:00  reviewer  acme/web   7  review  claude-sonnet-4-5  failure: max_turns      3  2 min 10 s  $0.2649
    "
  `);
  // A run is of every model that it used.
  expect(await runs("--where", "model=claude-haiku-4-5")).toMatchInlineSnapshot(`
    "
    run  ended                agent     repo      pr  event   model              conclusion  turns   duration     cost
      6  2026-11-20 11:00:00  reviewer  acme/api  41  review  claude-sonnet-4-5  success         3  1 min 2 s  $0.1216
    "
  `);
});

test("--where with two models finds the runs that used both", async () => {
  const models = ["--where", "model=claude-haiku-4-5", "--where", "model=claude-sonnet-4-5"];
  expect(JSON.parse(await runs(...models, "--json"))).toMatchObject([{ id: 6 }]);
});

test("--since, --until and --tz", async () => {
  const period = ["--since", "30h", "--until", "26h", "--tz", "America/New_York"];
  expect(await runs(...period)).toMatchInlineSnapshot(`
    "
    run  ended                agent   repo      pr  event   model  conclusion  turns  duration     cost
      3  2026-11-19 01:00:00  writer  acme/web   8  review  gpt-5  success         3    18.0 s  $0.0095
    "
  `);
});

test("--format csv, markdown and json", async () => {
  const one = ["--session", "s-1", "--top", "1"];
  expect(await runs(...one, "--format", "csv")).toMatchInlineSnapshot(`
    "
    id,ended_at,agent_name,repo,pr_number,event_type,model,conclusion,num_turns,duration_ms,cost_usd
    6,2026-11-20T11:00:00.000Z,reviewer,acme/api,41,review,claude-sonnet-4-5,success,3,62000,0.1216
    "
  `);
  expect(await runs(...one, "--format", "markdown")).toMatchInlineSnapshot(`
    "
    | run | ended | agent | repo | pr | event | model | conclusion | turns | duration | cost |
    | ---: | --- | --- | --- | ---: | --- | --- | --- | ---: | ---: | ---: |
    | 6 | 2026-11-20 11:00:00 | reviewer | acme/api | 41 | review | claude-sonnet-4-5 | success | 3 | 1 min 2 s | $0.1216 |
    "
  `);
  const json = await runs(...one, "--json");
  expect(json).toMatchInlineSnapshot(`
    "
    [
      {
        "id": 6,
        "traceId": "a432df213823a442a432df213823a442",
        "endedAt": "2026-11-20T11:00:00.000Z",
        "agentName": "reviewer",
        "repo": "acme/api",
        "prNumber": 41,
        "eventType": "review",
        "deliveryId": null,
        "sessionId": "s-1",
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "conclusion": "success",
        "errorType": null,
        "stopReason": null,
        "numTurns": 3,
        "durationMs": 62000,
        "inputTokens": 2000,
        "cacheReadTokens": 40000,
        "cacheCreationTokens": 9000,
        "outputTokens": 3190,
        "costNanoUsd": 121600000,
        "costSource": "reported",
        "unpriced": 0,
        "costUsd": 0.1216
      }
    ]
    "
  `);
  expect(await runs(...one, "--format", "json")).toBe(json);
});

test("the list fits a narrow terminal", async () => {
  const terminal = { isInteractive: true, columns: 64 };
  const { out } = await commandLine(["--db", path, "runs"], { terminal });
  expect(out).toMatchInlineSnapshot(`
    "run  ended                repo       conclusion             cost
      6  2026-11-20 11:00:00  acme/api   success             $0.1216
      5  2026-11-20 07:00:00  acme/api   success             $0.0107
      4  2026-11-19 10:00:00  acme/web   failure: max_turns  $0.2649
      3  2026-11-19 06:00:00  acme/web   success             $0.0095
      2  2026-11-17 04:00:00  acme/docs  success                   ?
      1  2026-11-12 04:00:00  -          error: AbortError         ?
    A wider terminal, or --json, also has agent, pr, event, model,
    turns, duration."
  `);
});

test("no run is a sentence", async () => {
  expect(await runs("--pr", "999")).toBe("\nNo such runs in the file.\n");
});

test("a pull request is a number", async () => {
  const { exitCode, error } = await commandLine(["--db", path, "runs", "--pr", "#42"]);
  expect(exitCode).toBe(2);
  expect(error).toContain('"#42" is not a whole number');
});

test("an order that does not exist is named", async () => {
  const { exitCode, error } = await commandLine(["--db", path, "runs", "--order", "dearst"]);
  expect(exitCode).toBe(2);
  expect(error).toContain("Did you mean dearest?");
});
