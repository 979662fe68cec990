import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useTempDir } from "../support/temp-dir.ts";
import {
  canMount,
  canRun,
  flushUntil,
  type Host,
  injections,
  killChildren,
  query,
  range,
  spansIn,
  startHost,
  strace,
} from "./child.ts";

const tempDir = useTempDir();
afterEach(killChildren);

const hasMounts = canMount();
const hasStrace = canRun("strace", ["strace", "-o", "/dev/null", "true"]);
/** A host under strace, whose calls on the files of `dbPath` fail as `inject` says, and strace's log. */
async function hostWithFailing(
  dbPath: string,
  inject: string,
): Promise<{ host: Host; log: string }> {
  await (await startHost({ dbPath })).end();
  const log = join(tempDir(), "log");
  const files = ["-P", dbPath, "-P", `${dbPath}-wal`, "-P", `${dbPath}-shm`];
  const prefix = strace(log, ...files, "-e", `inject=${inject}`);
  return { host: await startHost({ dbPath }, { prefix }), log };
}

describe("a disk that fails", () => {
  test.skipIf(!hasStrace)(
    "fails one write: nothing is lost",
    async () => {
      const dbPath = join(tempDir(), "t.db");
      const { host, log } = await hostWithFailing(dbPath, "pwrite64:error=EIO:when=5");
      await host.ask({ do: "spans", first: 0, count: 3000 });
      const health = await flushUntil(host, ({ queued }) => queued === 0);
      expect(health).toMatchObject({ committed: 3000, dropped: {}, state: "ok" });
      await host.end();
      expect(injections(log)).toBeGreaterThan(0);
      expect(await host.stderr).toContain("disk");
      expect(spansIn(dbPath)).toEqual({ numbers: range(3000), integrity: "ok" });
    },
    60_000,
  );

  test.skipIf(!hasStrace)(
    "fails each write: what is held is bounded, what is not is counted",
    async () => {
      const dbPath = join(tempDir(), "t.db");
      const { host, log } = await hostWithFailing(dbPath, "pwrite64:error=EIO:when=5+");
      for (let i = 0; i < 5; i += 1) {
        await host.ask({ do: "spans", first: i * 10_000, count: 10_000 });
        await host.ask({ do: "flush" });
      }
      const health = await host.health();
      const dropped = Object.values(health.dropped).reduce((sum, spans) => sum + spans, 0);
      expect(health).toMatchObject({ ended: 50_000, state: "degraded" });
      expect(health.committed + health.queued + dropped).toBe(50_000);
      expect(health.queued).toBeLessThanOrEqual(20_000);
      expect(dropped).toBeGreaterThan(0);
      await host.end();
      expect(injections(log)).toBeGreaterThan(0);
      expect(spansIn(dbPath).integrity).toBe("ok");
    },
    60_000,
  );

  test.skipIf(!hasStrace)(
    "cannot sync for a while: nothing is lost",
    async () => {
      const dbPath = join(tempDir(), "t.db");
      const { host, log } = await hostWithFailing(dbPath, "fsync,fdatasync:error=EIO:when=1..8");
      await host.ask({ do: "spans", first: 0, count: 3000 });
      const health = await flushUntil(host, ({ queued }) => queued === 0);
      expect(health).toMatchObject({ committed: 3000, dropped: {} });
      await host.end();
      expect(injections(log)).toBeGreaterThan(0);
      expect(spansIn(dbPath)).toEqual({ numbers: range(3000), integrity: "ok" });
    },
    60_000,
  );

  test.skipIf(!hasStrace)(
    "has no file descriptors left at first: opened once there are",
    async () => {
      const dbPath = join(tempDir(), "t.db");
      const { host, log } = await hostWithFailing(dbPath, "openat:error=EMFILE:when=1..6");
      await host.ask({ do: "spans", first: 0, count: 100 });
      const health = await flushUntil(host, ({ queued }) => queued === 0);
      expect(health).toMatchObject({ committed: 100, dropped: {}, state: "ok" });
      await host.end();
      expect(injections(log)).toBeGreaterThan(0);
      expect(await host.stderr).toContain("Cannot open");
      expect(spansIn(dbPath)).toEqual({ numbers: range(100), integrity: "ok" });
    },
    60_000,
  );
});

describe("a place where the file cannot be", () => {
  test("a directory at the path: found once it is gone", async () => {
    const dbPath = join(tempDir(), "t.db");
    mkdirSync(dbPath);
    const host = await startHost({ dbPath });
    await host.ask({ do: "spans", first: 0, count: 100 });
    const held = await host.health({ do: "flush" });
    expect(held).toMatchObject({ committed: 0, queued: 100, state: "degraded" });
    rmSync(dbPath, { recursive: true });
    const health = await flushUntil(host, ({ queued }) => queued === 0);
    expect(health).toMatchObject({ committed: 100, state: "ok" });
    await host.end();
    expect((await host.stderr).trim().split("\n")).toHaveLength(2);
    expect(spansIn(dbPath)).toEqual({ numbers: range(100), integrity: "ok" });
  });

  test.skipIf(!hasMounts)(
    "a read-only file system: held, and written once it is writable",
    async () => {
      const directory = tempDir();
      const dbPath = join(directory, "t.db");
      await (await startHost({ dbPath })).end();
      const script = `mount --bind ${directory} ${directory} && mount -o remount,bind,ro ${directory} && exec "$@"`;
      const host = await startHost(
        { dbPath },
        { prefix: ["unshare", "-rm", "sh", "-c", script, "sh"] },
      );
      await host.ask({ do: "spans", first: 0, count: 100 });
      const held = await flushUntil(host, ({ state }) => state === "degraded");
      expect(held).toMatchObject({ committed: 0, queued: 100, dropped: {} });
      const enter = ["nsenter", "-t", String(host.child.pid), "-U", "-m", "--preserve-credentials"];
      Bun.spawnSync([...enter, "mount", "-o", "remount,bind,rw", directory]);
      const health = await flushUntil(host, ({ queued }) => queued === 0);
      expect(health).toMatchObject({ committed: 100, state: "ok" });
      await host.end();
      expect(spansIn(dbPath)).toEqual({ numbers: range(100), integrity: "ok" });
    },
    60_000,
  );

  test.skipIf(!hasMounts)(
    "a copy to a read-only file system is refused with a sentence",
    async () => {
      const dbPath = join(tempDir(), "t.db");
      await (await startHost({ dbPath })).end();
      const directory = tempDir();
      const target = join(directory, "copy.db");
      const script = `mount --bind ${directory} ${directory} && mount -o remount,bind,ro ${directory} && exec "$@"`;
      const cli = join(import.meta.dir, "../../src/cli/main.ts");
      const command = [process.execPath, cli, "--db", dbPath, "backup", target];
      const child = Bun.spawnSync(["unshare", "-rm", "sh", "-c", script, "sh", ...command]);
      expect(child.stderr.toString()).toStartWith(`Cannot copy to ${target}: EROFS`);
      expect(child.exitCode).toBe(1);
    },
  );
});

describe("a file that is taken away under the writer", () => {
  test("deleted: the batch in hand is written to a new one", async () => {
    const dbPath = join(tempDir(), "t.db");
    const host = await startHost({ dbPath });
    await host.ask({ do: "spans", first: 0, count: 100 });
    await host.ask({ do: "flush" });
    rmSync(dbPath);
    await host.ask({ do: "spans", first: 100, count: 50 });
    expect(await host.health({ do: "flush" })).toMatchObject({ committed: 150, state: "ok" });
    await host.end();
    expect(await host.stderr).toContain("was moved or deleted");
    expect(spansIn(dbPath)).toEqual({ numbers: range(50, 100), integrity: "ok" });
  });

  test("deleted with its -wal and -shm", async () => {
    const dbPath = join(tempDir(), "t.db");
    const host = await startHost({ dbPath });
    await host.ask({ do: "spans", first: 0, count: 100 });
    await host.ask({ do: "flush" });
    for (const suffix of ["", "-wal", "-shm"]) rmSync(dbPath + suffix);
    await host.ask({ do: "spans", first: 100, count: 50 });
    await host.ask({ do: "flush" });
    await host.end();
    expect(spansIn(dbPath)).toEqual({ numbers: range(50, 100), integrity: "ok" });
  });

  test("renamed: what was written is whole in the old file, what follows in a new one", async () => {
    const directory = tempDir();
    const dbPath = join(directory, "t.db");
    const host = await startHost({ dbPath });
    await host.ask({ do: "spans", first: 0, count: 100 });
    await host.ask({ do: "flush" });
    renameSync(dbPath, join(directory, "old.db"));
    await host.ask({ do: "spans", first: 100, count: 50 });
    await host.ask({ do: "flush" });
    await host.end();
    expect(spansIn(dbPath)).toEqual({ numbers: range(50, 100), integrity: "ok" });
    const old = spansIn(join(directory, "old.db"));
    expect(old.integrity).toBe("ok");
    expect(old.numbers.slice(0, 100)).toEqual(range(100));
  });

  test("damaged: the three files are set aside together, and a new one is begun", async () => {
    const directory = tempDir();
    const dbPath = join(directory, "t.db");
    const first = await startHost({ dbPath });
    await first.ask({ do: "spans", first: 0, count: 2000 });
    await first.end();
    const size = Bun.file(dbPath).size;
    await Bun.write(
      join(directory, "noise"),
      new Uint8Array(size).fill(0x5a).subarray(0, size - 4096),
    );
    const noise = Bun.spawnSync([
      "dd",
      `if=${directory}/noise`,
      `of=${dbPath}`,
      "bs=4096",
      "seek=1",
      "conv=notrunc",
    ]);
    expect(noise.exitCode).toBe(0);
    const host = await startHost({ dbPath });
    await host.ask({ do: "spans", first: 0, count: 100 });
    const health = await flushUntil(host, ({ queued }) => queued === 0);
    expect(health).toMatchObject({ committed: 100, dropped: {}, state: "ok" });
    await host.end();
    const aside = readdirSync(directory)
      .filter((name) => name.includes(".corrupt-"))
      .sort();
    expect(aside).not.toEqual([]);
    expect(await host.stderr).toContain(`It was set aside as ${join(directory, aside[0] ?? "")}`);
    expect(spansIn(dbPath)).toEqual({ numbers: range(100), integrity: "ok" });
    expect(query(dbPath, "SELECT outcome, reason FROM exporter_health ORDER BY outcome")).toEqual([
      { outcome: "set_aside", reason: join(directory, aside[0] ?? "") },
      { outcome: "written", reason: "" },
    ]);
    const cli = join(import.meta.dir, "../../src/cli/main.ts");
    const report = Bun.spawnSync([process.execPath, cli, "report", "--db", dbPath]);
    expect(report.stdout.toString()).toContain("A damaged file was set aside as");
  });

  test("another program's from the start: not touched, and counted as such", async () => {
    const dbPath = join(tempDir(), "t.db");
    writeFileSync(dbPath, "a text of somebody's, of more than a hundred bytes. ".repeat(4));
    const before = await Bun.file(dbPath).text();
    const host = await startHost({ dbPath });
    await host.ask({ do: "spans", first: 0, count: 100 });
    const health = await host.health({ do: "shutdown" });
    expect(health).toMatchObject({
      ended: 100,
      committed: 0,
      queued: 0,
      dropped: { foreign: 100 },
    });
    await host.end();
    expect(await Bun.file(dbPath).text()).toBe(before);
  });
});

test("a newer version's file: not touched, and counted as such", async () => {
  const dbPath = join(tempDir(), "t.db");
  await (await startHost({ dbPath })).end();
  const db = new Database(dbPath);
  db.run("PRAGMA journal_mode = DELETE");
  db.run("PRAGMA user_version = 999");
  db.close(true);
  const before = await Bun.file(dbPath).bytes();
  const host = await startHost({ dbPath });
  await host.ask({ do: "spans", first: 0, count: 100 });
  const health = await host.health({ do: "shutdown" });
  expect(health).toMatchObject({ committed: 0, queued: 0, dropped: { newer: 100 } });
  expect(await host.end()).toBe(0);
  expect(await host.stderr).toContain("Update spanledger, or choose another path.");
  expect(await Bun.file(dbPath).bytes()).toEqual(before);
});

test("a reader that holds its snapshot does not keep the writer from writing", async () => {
  const dbPath = join(tempDir(), "t.db");
  const host = await startHost({ dbPath });
  await host.ask({ do: "spans", first: 0, count: 100 });
  await host.ask({ do: "flush" });
  const reader = new Database(dbPath, { readonly: true });
  reader.run("BEGIN");
  const count = (): unknown => reader.query("SELECT count(*) AS n FROM span_rows").get();
  expect(count()).toEqual({ n: 100 });
  for (let i = 0; i < 5; i += 1) {
    await host.ask({ do: "spans", first: 100 + i * 2000, count: 2000 });
    await host.ask({ do: "flush" });
  }
  expect(await host.health()).toMatchObject({ committed: 10_100, state: "ok" });
  expect(count()).toEqual({ n: 100 });
  reader.close(true);
  await host.end();
  expect(spansIn(dbPath)).toEqual({ numbers: range(10_100), integrity: "ok" });
});
