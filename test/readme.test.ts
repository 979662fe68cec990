import { expect, test } from "bun:test";
import { DEFAULT_DB_PATH, resolveConfig } from "../src/config.ts";

const README = await Bun.file(new URL("../README.md", import.meta.url)).text();
const PACKAGE = await Bun.file(new URL("../package.json", import.meta.url)).json();

test("the README's commands are scripts of the package", () => {
  const names = [...README.matchAll(/(?:npm|bun)(?: run)? (start|test)\b/g)].map(
    (match) => match[1],
  );
  expect(new Set(names)).toEqual(new Set(["start", "test"]));
  for (const name of new Set(names)) expect(PACKAGE.scripts[name as string]).toBeString();
});

test("the README's defaults are the configuration's", () => {
  const config = resolveConfig({}, {}, () => {});
  expect(README).toContain(`| \`${DEFAULT_DB_PATH}\` |`);
  expect(README).toContain(`| ${config.retentionMs / 86_400_000} |`);
  expect(README).toContain(`| \`${config.exporters[0]}\`; also`);
});

test("the README's number of packages is the lock file's", async () => {
  const lock = await Bun.file(new URL("../package-lock.json", import.meta.url)).json();
  const packages = Object.entries<{ dev?: boolean; devOptional?: boolean }>(lock.packages);
  const installed = packages.filter(([path, { dev, devOptional }]) => path && !dev && !devOptional);
  const direct = Object.keys(PACKAGE.dependencies).length;
  expect(README).toContain(`${installed.length} packages, `);
  expect(README).toContain(`: ${direct} direct ones`);
});

test("the commands that the README names are the command line's", async () => {
  const cli = await Bun.file(new URL("../docs/cli.md", import.meta.url)).text();
  const named = [...README.matchAll(/(?:`|\$ )spanledger ([a-z]+)\b/g)].map((match) => match[1]);
  expect(new Set(named).size).toBeGreaterThan(3);
  for (const name of named) expect(cli).toContain(`### spanledger ${name}\n`);
});
