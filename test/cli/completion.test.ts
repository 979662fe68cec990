/** What the shells themselves complete with the scripts; zsh and fish where they are installed. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandLine } from "../support/command-line.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "spanledger-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function script(shell: string): Promise<string> {
  const { exitCode, out, error } = await commandLine(["completion", shell]);
  expect([exitCode, error]).toEqual([0, ""]);
  return out;
}

function run(shell: string, text: string): string {
  const file = join(directory, `script.${shell}`);
  writeFileSync(file, text);
  return Bun.spawnSync([shell, file]).stdout.toString().trim();
}

test.each(["bash", "zsh", "fish"])("the script for %s names commands and flags", async (shell) => {
  const out = await script(shell);
  const dash = shell === "fish" ? "-l " : "--";
  for (const word of ["report", "runs", "trace", "tail", "sql", "schema", "maintain"]) {
    expect(out).toContain(word);
  }
  for (const flag of ["by", "since", "compare", "fail-over", "failed", "dry-run"]) {
    expect(out).toContain(dash + flag);
  }
});

test("bash completes commands, flags and their values", async () => {
  const out = await script("bash");
  const complete = (...words: string[]): string => {
    const line = words.map((word) => `'${word}'`).join(" ");
    const end = `COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}\n_spanledger; echo "\${COMPREPLY[@]}"`;
    return run("bash", `${out}\n${end}`);
  };
  expect([
    complete("spanledger", "re"),
    complete("spanledger", "report", "--so"),
    complete("spanledger", "report", "--sort", "cache"),
    complete("spanledger", "--db", "x.db", "runs", "--fa"),
    complete("spanledger", "report", "--format", "c"),
    complete("spanledger", "completion", "f"),
    complete("spanledger", "help", "do"),
    complete("spanledger", "--ver"),
  ]).toMatchInlineSnapshot(`
    [
      "report restore",
      "--sort",
      "cache-read cache-write",
      "--failed",
      "csv",
      "fish",
      "doctor",
      "--version",
    ]
  `);
});

test.skipIf(!Bun.which("fish"))("fish completes the same", async () => {
  const out = await script("fish");
  const complete = (line: string): string[] =>
    run("fish", `${out}\ncomplete -C '${line}'`)
      .split("\n")
      .map((text) => text.split("\t")[0] ?? "");
  expect(complete("spanledger re")).toEqual(["report", "restore"]);
  expect(complete("spanledger report --so")).toEqual(["--sort"]);
  expect(complete("spanledger report --sort cac")).toEqual(["cache-read", "cache-write"]);
  expect(complete("spanledger runs --format c")).toEqual(["csv"]);
  expect(complete("spanledger completion f")).toEqual(["fish"]);
});

test.skipIf(!Bun.which("zsh"))("zsh takes the script", async () => {
  const out = await script("zsh");
  expect(run("zsh", `${out}\necho "$_comps[spanledger]"`)).toContain("_spanledger");
});
