import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Store } from "../../src/store/store.ts";
import { writeAcmeTrace } from "../support/acme-trace.ts";
import { commandLine } from "../support/command-line.ts";
import { execution, hexId, modelUsage, NOW_MS, spanRow, usage } from "../support/span-rows.ts";

const TRACE_ID = hexId("tacme", 32);

let path: string;
beforeAll(() => {
  path = join(mkdtempSync(join(tmpdir(), "spanledger-")), "t.db");
  writeAcmeTrace(path);
});
afterAll(() => rmSync(dirname(path), { recursive: true }));

async function trace(id: string, columns = 100, ...args: string[]): Promise<string> {
  const options = { terminal: { columns } };
  const { exitCode, out, error } = await commandLine(["--db", path, "trace", id, ...args], options);
  expect([exitCode, error]).toEqual([0, ""]);
  return `\n${out}\n`;
}

test("spanledger trace draws the spans as a tree and a waterfall", async () => {
  expect(await trace("latest")).toMatchInlineSnapshot(`
    "
    trace ec84947a0ba21ebcec84947a0ba21ebc, began 2026-11-20T12:00:00.000Z, 6 spans

    span                             duration  input  output       cost  error               3.0 s
    invoke_agent reviewer               3.0 s  4,120       5    $0.0186                      ███████████
    ├ chat claude-sonnet-4-5           880 ms     60       5  ($0.0090)                      ███▎
    ├ execute_tool Bash                500 ms                            Error: exit code 1     █▉
    │   • exception Error: exit co…    +1.4 s                                                     ·
    └ execute_tool Agent                1.5 s                                                     █████▌
      └ invoke_agent explorer           1.3 s                                                     ████▊
        └ chat haiku                    1.1 s     60       5  ($0.0020)                           ████
    "
  `);
});

test("the waterfall fits a narrow terminal", async () => {
  const narrow = await trace("latest", 78);
  expect(narrow).toMatchInlineSnapshot(`
    "
    trace ec84947a0ba21ebcec84947a0ba21ebc, began 2026-11-20T12:00:00.000Z, 6 spans

    span                  duration  input  output       cost  error     3.0 s
    invoke_agent review…     3.0 s  4,120       5    $0.0186            ██████████
    ├ chat claude-sonne…    880 ms     60       5  ($0.0090)            ██▉
    ├ execute_tool Bash     500 ms                            Error: …     █▋
    │   • exception Err…    +1.4 s                                          ·
    └ execute_tool Agent     1.5 s                                          █████
      └ invoke_agent ex…     1.3 s                                           ████▍
        └ chat haiku         1.1 s     60       5  ($0.0020)                 ███▋
    "
  `);
  for (const line of narrow.split("\n").slice(3))
    expect(Bun.stringWidth(line)).toBeLessThanOrEqual(78);
});

test("in a very narrow one numbers go", async () => {
  const narrow = await trace("latest", 40);
  expect(narrow).toMatchInlineSnapshot(`
    "
    trace ec84947a0ba21ebcec84947a0ba21ebc, began 2026-11-20T12:00:00.000Z, 6 spans

    span              duration  3.0 s
    invoke_agent re…     3.0 s  ████████████
    ├ chat claude-s…    880 ms  ███▌
    ├ execute_tool …    500 ms     ██
    │   • exception…    +1.4 s       ·
    └ execute_tool …     1.5 s       ██████
      └ invoke_agen…     1.3 s        █████▎
        └ chat haiku     1.1 s        ████▍
    "
  `);
  for (const line of narrow.split("\n").slice(3))
    expect(Bun.stringWidth(line)).toBeLessThanOrEqual(40);
});

test("a trace goes by its id, the beginning of it, its run's id, or latest", async () => {
  const latest = await trace("latest");
  expect(await trace(TRACE_ID)).toBe(latest);
  expect(await trace(TRACE_ID.slice(0, 7).toUpperCase())).toBe(latest);
  expect(await trace("1")).toBe(latest);
});

test("--json prints the tree", async () => {
  expect(JSON.parse(await trace("latest", 100, "--json"))).toMatchObject({
    traceId: TRACE_ID,
    durationMs: 3000,
    spans: 6,
    roots: [
      {
        name: "invoke_agent reviewer",
        costNanoUsd: 18_600_000,
        counted: true,
        children: [
          { name: "chat claude-sonnet-4-5", counted: false },
          {
            name: "execute_tool Bash",
            status: "error",
            errorType: "Error",
            statusMessage: "exit code 1",
            events: [{ name: "exception", atMs: 1400, exception: "Error: exit code 1" }],
          },
          { name: "execute_tool Agent", children: [{ name: "invoke_agent explorer" }] },
        ],
      },
    ],
  });
});

test("a name that nothing goes by is a sentence", async () => {
  const { exitCode, error } = await commandLine(["--db", path, "trace", "zzz"]);
  expect(exitCode).toBe(1);
  expect(error).toMatchInlineSnapshot(
    `"No trace and no run goes by "zzz". spanledger runs lists what there is."`,
  );
});

test("usage of which nothing is known is ?, and no usage is nothing", async () => {
  const unknown = Object.fromEntries(Object.keys(modelUsage()).map((name) => [name, null]));
  const file = join(dirname(path), "unknown.db");
  const store = new Store({ path: file, writer: "w", busyTimeoutMs: 1000 });
  const models = [modelUsage(unknown)];
  store.write([spanRow({ span: "chat", parent: "run", usage: usage({ models }) })], NOW_MS);
  store.write([spanRow({ span: "run", execution: execution() })], NOW_MS);
  store.close();
  const { out } = await commandLine(["--db", file, "trace", "latest"]);
  expect(out.split("\n").slice(2).join("\n")).toMatchInlineSnapshot(`
    "span    duration  input  output  cost  1.5 s
    work       1.5 s                       █████████████████████████████████████████████████████████████
    └ work     1.5 s      ?       ?     ?  █████████████████████████████████████████████████████████████"
  `);
});
