/** Every example that the help shows is a command that works. */
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

const COMMANDS = ["report", "runs", "trace", "tail", "sql", "schema", "completion"];

async function examplesOf(command: string): Promise<string[]> {
  const { out } = await commandLine(["help", command]);
  const examples = out.split("\nExamples:\n")[1] ?? "";
  return examples.split("\n").map((line) => line.trim().split(/ {2,}/)[0] ?? "");
}

/** The arguments of one `spanledger …` in a line of shell, without what stands around it. */
function argumentsOf(line: string): string[] {
  const command = /spanledger (.*?)(?:\)"| [|>] .*)?$/.exec(line)?.[1] ?? "";
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
}

test.each(COMMANDS)("the examples of spanledger help %s work", async (command) => {
  const examples = await examplesOf(command);
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) {
    const args = argumentsOf(example).map((arg) =>
      // Ids in examples are of nobody's file.
      arg === "42" && command === "trace" ? "4" : arg === "9f86d081" ? "latest" : arg,
    );
    const { exitCode, out, error } = await commandLine(["--db", path, ...args], {
      interrupted: async () => {},
    });
    expect([example, exitCode, error]).toEqual([example, 0, ""]);
    expect(out).not.toBe("");
  }
});
