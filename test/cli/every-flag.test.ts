/** A flag without a test is found by the program's own help. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { commandLine } from "../support/command-line.ts";

const SHARED: Readonly<Record<string, string>> = {
  maintain: "upkeep",
  doctor: "upkeep",
  backup: "upkeep",
  restore: "upkeep",
};

async function help(...args: string[]): Promise<string> {
  return (await commandLine(["help", ...args])).out;
}

/** What stands under a title of the help. */
function section(text: string, title: string): string {
  return text.split(`${title}:\n`)[1]?.split(/\n\n/)[0] ?? "";
}

function flagsIn(text: string): string[] {
  return [...text.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].flatMap(([, flag]) => flag ?? []);
}

const commands = [...section(await help(), "Commands").matchAll(/^ {2}([a-z]+)/gm)]
  .flatMap(([, name]) => name ?? [])
  .filter((name) => name !== "help");

async function testsOf(command: string): Promise<string> {
  return Bun.file(join(import.meta.dir, `${SHARED[command] ?? command}.test.ts`)).text();
}

test("there are commands to look at", () => {
  expect(commands).toContain("report");
  expect(commands.length).toBeGreaterThan(10);
});

test.each(commands)(
  "each flag of spanledger %s, and what it prints, is tested",
  async (command) => {
    const flags = flagsIn(section(await help(command), "\nOptions")).filter(
      (flag) => flag !== "--help",
    );
    const tests = await testsOf(command);
    expect(tests).toContain("toMatchInlineSnapshot(");
    expect(flags.filter((flag) => !tests.includes(`"${flag}"`))).toEqual([]);
  },
);

test("each flag of the program itself is tested", async () => {
  const flags = flagsIn(section(await help(), "\nOptions"));
  expect(flags).toEqual(["--db", "--version", "--help"]);
  const files = readdirSync(import.meta.dir).filter((name) => name !== "every-flag.test.ts");
  const texts = await Promise.all(
    files.map((name) => Bun.file(join(import.meta.dir, name)).text()),
  );
  expect(flags.filter((flag) => !texts.some((text) => text.includes(`"${flag}"`)))).toEqual([]);
});
