import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync } from "node:fs";
import { join } from "node:path";
import { useTempDir } from "../support/temp-dir.ts";
import { canRun, flushUntil, killChildren, range, spansIn, startHost } from "./child.ts";

const tempDir = useTempDir();
afterEach(killChildren);

/** Permissions bind nobody who is root: so the host then runs as somebody else. */
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const prefix = isRoot ? ["setpriv", `--reuid=${NOBODY}`, "--clear-groups"] : [];
const importIt = `import ${JSON.stringify(join(import.meta.dir, "../../src/index.ts"))}`;
const canBeNobody = canRun("a user without rights", [...prefix, process.execPath, "-e", importIt]);

function own(path: string): void {
  if (isRoot) chownSync(path, NOBODY, NOBODY);
}

/** A database of the host's own in a directory of its own. */
async function existingFile(): Promise<{ directory: string; dbPath: string }> {
  const directory = tempDir();
  own(directory);
  const dbPath = join(directory, "t.db");
  await (await startHost({ dbPath }, { prefix })).end();
  return { directory, dbPath };
}

/** A host that cannot write is one line in the log; once `mend` was done, all that was held is written. */
async function holdsUntil(dbPath: string, mend: () => void): Promise<void> {
  const host = await startHost({ dbPath }, { prefix });
  await host.ask({ do: "spans", first: 0, count: 100 });
  const held = await flushUntil(host, ({ state }) => state === "degraded");
  expect(held).toMatchObject({ committed: 0, queued: 100, dropped: {} });
  mend();
  const health = await flushUntil(host, ({ queued }) => queued === 0);
  expect(health).toMatchObject({ committed: 100, dropped: {}, state: "ok" });
  expect(await host.end()).toBe(0);
  const log = (await host.stderr).trim().split("\n");
  expect(log).toHaveLength(2);
  expect(log[0]).toContain("writable for this user");
  expect(spansIn(dbPath)).toEqual({ numbers: range(100), integrity: "ok" });
}

describe.skipIf(!canBeNobody)(
  "a host whose user may not write holds its spans until it may",
  () => {
    test("to the directory in which the file is to be made", async () => {
      const directory = tempDir();
      chmodSync(directory, 0o555);
      own(directory);
      await holdsUntil(join(directory, "t.db"), () => chmodSync(directory, 0o755));
    });

    test("to the directory in which the file is, where -wal and -shm have to stand too", async () => {
      const { directory, dbPath } = await existingFile();
      chmodSync(directory, 0o555);
      await holdsUntil(dbPath, () => chmodSync(directory, 0o755));
    });

    test("to the file", async () => {
      const { dbPath } = await existingFile();
      chmodSync(dbPath, 0o444);
      await holdsUntil(dbPath, () => chmodSync(dbPath, 0o600));
    });

    test("to the directory any more, of a file that it has open: nothing is lost or written twice", async () => {
      const { directory, dbPath } = await existingFile();
      const host = await startHost({ dbPath }, { prefix });
      await host.ask({ do: "spans", first: 0, count: 100 });
      await host.ask({ do: "flush" });
      chmodSync(directory, 0o000);
      await host.ask({ do: "spans", first: 100, count: 100 });
      await flushUntil(host, ({ state }) => state === "degraded");
      chmodSync(directory, 0o755);
      const health = await flushUntil(host, ({ queued }) => queued === 0);
      expect(health).toMatchObject({ ended: 200, committed: 200, dropped: {}, state: "ok" });
      expect(await host.end()).toBe(0);
      expect(spansIn(dbPath)).toEqual({ numbers: range(200), integrity: "ok" });
    });

    test.skipIf(!isRoot)("to the file of another user", async () => {
      const { dbPath } = await existingFile();
      chownSync(dbPath, 0, 0);
      await holdsUntil(dbPath, () => own(dbPath));
    });
  },
);
