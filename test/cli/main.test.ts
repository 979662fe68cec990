/** The command line as a process of its own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { VERSION } from "../../src/version.ts";
import { writeAcme } from "../support/acme.ts";
import { createSampleDatabase } from "../support/sample-database.ts";

const MAIN = join(import.meta.dir, "../../src/cli/main.ts");

let path: string;
beforeAll(() => {
  path = join(mkdtempSync(join(tmpdir(), "spanledger-")), "t.db");
  writeAcme(path);
});
afterAll(() => rmSync(dirname(path), { recursive: true }));

async function spanledger(
  ...args: string[]
): Promise<{ exitCode: number; out: string; error: string }> {
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    env: { ...process.env, FORCE_COLOR: "", TELEMETRY_DB_PATH: path },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, out, error };
}

test("done is 0, failed is 1, wrong usage is 2", async () => {
  expect((await spanledger("report")).exitCode).toBe(0);
  expect((await spanledger("--help")).exitCode).toBe(0);
  expect((await spanledger("help", "report")).exitCode).toBe(0);
  expect((await spanledger("report", "--db", "/nowhere/t.db")).exitCode).toBe(1);
  expect((await spanledger("--db", "/nowhere/t.db", "report")).exitCode).toBe(1);
  expect((await spanledger("reprot")).exitCode).toBe(2);
  expect((await spanledger()).exitCode).toBe(2);
});

test("--version says which one it is, and a blank path is no other file", async () => {
  expect(await spanledger("--version")).toEqual({ exitCode: 0, out: `${VERSION}\n`, error: "" });
  const { exitCode, error } = await spanledger("--db", "", "report");
  expect([exitCode, error]).toEqual([1, "The path is blank.\n"]);
});

test("--json prints JSON and nothing else, without colours where no terminal is", async () => {
  const { out, error } = await spanledger("report", "--by", "repo", "--json");
  expect(JSON.parse(out).groups).toHaveLength(4);
  expect(error).toBe("");
  expect((await spanledger("report")).out).not.toContain("\u001b");
});

describe("a reader that has seen enough", () => {
  let large: string;
  beforeAll(() => {
    large = join(dirname(path), "large.db");
    const shape = { seed: 1, runs: 3000, lastMs: Date.UTC(2026, 10, 20), days: 5, repos: 2 };
    createSampleDatabase(large, shape);
  });

  /** The exit code of a command of whose output only one line is read, and what it says on stderr. */
  async function readOneLine(...args: string[]): Promise<[exitCode: string, error: string]> {
    const script = '"$0" "$@" | head -1; echo $PIPESTATUS';
    const child = Bun.spawn(["bash", "-c", script, process.execPath, MAIN, ...args], {
      env: { ...process.env, TELEMETRY_DB_PATH: large },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, error] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return [out.trim().split("\n").at(-1) ?? "", error];
  }

  test("is no failure", async () => {
    expect(await readOneLine("runs", "--top", "3000")).toEqual(["0", ""]);
  });

  test("ends what would go on", async () => {
    expect(await readOneLine("tail", "--last", "3000")).toEqual(["0", ""]);
  });

  test("does not hide a cost that is over its limit", async () => {
    expect(await readOneLine("report", "--by", "session", "--fail-over", "1")).toEqual([
      "1",
      expect.stringMatching(/^The cost of \$[\d.]+ is over \$1.0000 \(--fail-over\)\.\n$/),
    ]);
  });
});

test("an answer goes behind what stands in its file", async () => {
  const file = join(dirname(path), "answers.txt");
  const script = '(echo first; "$0" "$1" --version; echo last) > "$2"; "$0" "$1" --version >> "$2"';
  const child = Bun.spawn(["bash", "-c", script, process.execPath, MAIN, file]);
  expect(await child.exited).toBe(0);
  expect(await Bun.file(file).text()).toBe(`first\n${VERSION}\nlast\n${VERSION}\n`);
});

test.skipIf(!existsSync("/dev/full"))(
  "an answer that cannot be written is a sentence, and 1",
  async () => {
    const child = Bun.spawn(
      ["bash", "-c", '"$0" "$@" > /dev/full', process.execPath, MAIN, "report"],
      {
        env: { ...process.env, TELEMETRY_DB_PATH: path },
        stderr: "pipe",
      },
    );
    const error = await new Response(child.stderr).text();
    expect([await child.exited, error]).toEqual([
      1,
      "The answer could not be written: ENOSPC: no space left on device, write.\n",
    ]);
  },
);

test("spanledger tail ends at once, and well, when it is interrupted", async () => {
  const child = Bun.spawn([process.execPath, MAIN, "tail"], {
    env: { ...process.env, TELEMETRY_DB_PATH: path },
    stdout: "pipe",
  });
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGINT");
  expect(await child.exited).toBe(0);
});
