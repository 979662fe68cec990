import { expect, test } from "bun:test";
import { join } from "node:path";
import { Store } from "../../src/store/store.ts";
import { ACME_NOW_MS, writeAcme } from "../support/acme.ts";
import { commandLine } from "../support/command-line.ts";
import { execution, spanRow } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

/** Follows until so many lines are out, while a writer adds runs after the first ones. */
async function tail(args: readonly string[], lines: number): Promise<string> {
  const path = join(tempDir(), "t.db");
  writeAcme(path);
  const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
  const { promise, resolve } = Promise.withResolvers<void>();
  let printed = 0;
  let isWritten = false;
  const { exitCode, out, error } = await commandLine(["--db", path, "tail", ...args], {
    interrupted: () => promise,
    onPrint: (text) => {
      printed += text.trimEnd().split("\n").length;
      if (!isWritten) {
        isWritten = true;
        const endMs = ACME_NOW_MS + 1000;
        const other = execution({ repo: "acme/web" });
        store.write([spanRow({ trace: "n1", endMs, execution: execution() })], endMs);
        store.write([spanRow({ trace: "n2", endMs, execution: other })], endMs);
      }
      if (printed >= lines) resolve();
    },
  });
  store.close();
  expect([exitCode, error]).toEqual([0, ""]);
  return `\n${out}\n`;
}

test("spanledger tail shows the last runs and then each new one", async () => {
  expect(await tail(["--last", "1"], 4)).toMatchInlineSnapshot(`
    "
    run  ended                agent     repo      pr  event   model              conclusion  turns   duration     cost
      6  2026-11-20 11:00:00  reviewer  acme/api  41  review  claude-sonnet-4-5  success         3  1 min 2 s  $0.1216
      7  2026-11-20 12:00:01  reviewer  acme/api      -       -                  success                1.5 s        ?
      8  2026-11-20 12:00:01  reviewer  acme/web      -       -                  success                1.5 s        ?
    "
  `);
});

test("--where follows only some runs, --tz shows local times", async () => {
  const args = ["--last", "1", "--where", "repo=acme/web", "--tz", "Asia/Tokyo"];
  expect(await tail(args, 3)).toMatchInlineSnapshot(`
    "
    run  ended                agent     repo      pr  event   model              conclusion          turns    duration     cost
      4  2026-11-19 19:00:00  reviewer  acme/web   7  review  claude-sonnet-4-5  failure: max_turns      3  2 min 10 s  $0.2649
      8  2026-11-20 21:00:01  reviewer  acme/web      -       -                  success                         1.5 s        ?
    "
  `);
});

test("--json prints one object a line", async () => {
  const lines = (await tail(["--last", "2", "--json"], 4)).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).id)).toEqual([5, 6, 7, 8]);
});

/** Which repositories' runs are printed until that of `last` is, while `meanwhile` happens. */
async function followed(path: string, last: string, meanwhile: () => void): Promise<unknown[]> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isFirst = true;
  const { out } = await commandLine(["--db", path, "tail", "--last", "1", "--json"], {
    interrupted: () => promise,
    onPrint: (text) => {
      if (isFirst) meanwhile();
      isFirst = false;
      if (JSON.parse(text).repo === last) resolve();
    },
  });
  return out.split("\n").map((line) => JSON.parse(line).repo);
}

test("a run that ended earlier and came later is none that is new", async () => {
  const path = join(tempDir(), "t.db");
  const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
  const write = (repo: string, endMs: number): void => {
    const row = spanRow({ trace: repo, endMs, execution: execution({ repo }) });
    store.write([row], ACME_NOW_MS);
  };
  write("newest", ACME_NOW_MS);
  write("late", ACME_NOW_MS - 1000);
  const repos = await followed(path, "next", () => write("next", ACME_NOW_MS + 1000));
  expect(repos).toEqual(["newest", "next"]);
  store.close();
});
