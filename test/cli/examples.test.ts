/** Every example that the help shows is a command that works. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
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

const COMMANDS = [
  ...["report", "runs", "trace", "tail", "sql", "schema", "maintain", "doctor", "backup"],
  ...["restore", "completion"],
];

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

/** The same arguments with names of this test's files: what is copied is new, and what is brought back exists. */
async function localized(args: readonly string[]): Promise<string[]> {
  const [command = ""] = args.filter((arg) => COMMANDS.includes(arg));
  const files = await mkdtemp(join(dirname(path), "files-"));
  const copy = join(files, "copy.db");
  if (command === "restore") await commandLine(["--db", path, "backup", copy]);
  const isCopy = (arg: string): boolean => /^(copy\.db|FILE)$/.test(arg);
  const own = args.map((arg) =>
    // Ids in examples are of nobody's file.
    arg === "42" && command === "trace" ? "4" : arg === "9f86d081" ? "latest" : arg,
  );
  const target = command === "restore" ? join(files, "new.db") : path;
  const named = own.map((arg) => (isCopy(arg) ? copy : arg === "new.db" ? target : arg));
  return args.includes("--db") ? named : ["--db", target, ...named];
}

async function expectToWork(line: string): Promise<void> {
  const args = await localized(argumentsOf(line));
  const { exitCode, out, error } = await commandLine(args, { interrupted: async () => {} });
  expect([line, exitCode, error]).toEqual([line, 0, ""]);
  expect(out).not.toBe("");
}

test.each(COMMANDS)("the examples of spanledger help %s work", async (command) => {
  const examples = await examplesOf(command);
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) await expectToWork(example);
});

const ROOT = join(import.meta.dir, "../..");
const PAGES = ["README.md", "docs/operations.md", "docs/clickhouse.md"];

/** What a page tells to type, but for what needs a server or another machine's folders: those tests are theirs. */
async function commandsOf(page: string): Promise<string[]> {
  const text = await Bun.file(join(ROOT, page)).text();
  const found = text.matchAll(/(?:^|[`$ ])(spanledger (?:[a-z]+)(?: [^`\n#]*)?)(?=[`\n#])/gm);
  return [...found]
    .map(([, line = ""]) => line.trim())
    .filter((line) => COMMANDS.includes(line.split(" ")[1] ?? ""))
    .filter((line) => !/["…]/.test(line));
}

test.each(PAGES)("the commands in %s work", async (page) => {
  const lines = await commandsOf(page);
  for (const line of lines) await expectToWork(line);
});

test("the pages tell of commands", async () => {
  const lines = (await Promise.all(PAGES.map(commandsOf))).flat();
  expect(new Set(lines.map((line) => line.split(" ")[1]))).toEqual(
    new Set(["report", "trace", "doctor", "maintain", "backup", "restore"]),
  );
});
