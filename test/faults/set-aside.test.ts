import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/store/database.ts";
import { useTempDir } from "../support/temp-dir.ts";
import {
  canRun,
  Host,
  injections,
  killChildren,
  range,
  spansIn,
  startHost,
  strace,
} from "./child.ts";

const tempDir = useTempDir();
afterEach(killChildren);

const hasStrace = canRun("strace", ["strace", "-o", "/dev/null", "true"]);

/** A database of ours whose content is noise behind its first page. */
async function damagedFile(): Promise<string> {
  const dbPath = join(tempDir(), "t.db");
  const host = await startHost({ dbPath });
  await host.ask({ do: "spans", first: 0, count: 2000 });
  await host.end();
  writeFileSync(dbPath, readFileSync(dbPath).fill(0x5a, 4096));
  return dbPath;
}

/** Ends a host once all of its spans are in the file. */
async function endWritten(host: Host): Promise<void> {
  while ((await host.health({ do: "flush" })).queued > 0) await Bun.sleep(20);
  expect((await host.health({ do: "shutdown" })).dropped).toEqual({});
  await host.end();
}

/** Hands over a hundred spans to each host, several times, and lets all of them end. */
async function writeAndEnd(hosts: readonly Host[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const first = round * hosts.length * 100;
    const share = (host: Host, i: number): Promise<unknown> =>
      host.ask({ do: "spans", first: first + i * 100, count: 100 });
    await Promise.all(hosts.map(share));
    await Promise.all(hosts.map((host) => host.ask({ do: "flush" })));
  }
  for (const host of hosts) await endWritten(host);
}

/** A writer that begins at the very moment at which the file is gone from its path. */
function startComer(dbPath: string, first: number): Host {
  const script = `
    import { inodeOf } from ${JSON.stringify(join(import.meta.dir, "../../src/store/set-aside.ts"))};
    import { newSession, spanRecords } from ${JSON.stringify(join(import.meta.dir, "../support/writers.ts"))};
    const [dbPath, first] = ${JSON.stringify([dbPath, first])};
    const inode = inodeOf(dbPath);
    console.log("0");
    while (inodeOf(dbPath) === inode) Bun.sleepSync(1);
    const session = newSession(dbPath);
    for (let batch = 0; batch < 10; ) {
      try {
        session.write(spanRecords(10, first + batch * 10));
        batch += 1;
      } catch {
        // As a host does, it holds the batch and tries again.
      }
      Bun.sleepSync(10);
    }
    session.close();`;
  return new Host({ dbPath }, { command: [process.execPath, "-e", script] });
}

function filesAside(dbPath: string): string[] {
  return readdirSync(join(dbPath, "..")).filter((name) => !/^t\.db(-wal|-shm)?$/.test(name));
}

function databasesAside(dbPath: string): string[] {
  return filesAside(dbPath).filter((name) => !/-(wal|shm)$/.test(name));
}

describe("a damaged file", () => {
  test("that six processes find at once is set aside once, and each span is in the new one", async () => {
    const dbPath = await damagedFile();
    await writeAndEnd(await Promise.all(range(6).map(() => startHost({ dbPath }))), 2);
    expect(spansIn(dbPath)).toEqual({ numbers: range(1200), integrity: "ok" });
    expect(databasesAside(dbPath)).toHaveLength(1);
  }, 60_000);

  test.skipIf(!hasStrace)(
    "that is set aside slowly keeps its -wal, and who comes meanwhile does not get it",
    async () => {
      const dbPath = await damagedFile();
      const log = join(tempDir(), "log");
      const delay = ["-e", "trace=rename", "-e", "inject=rename:delay_enter=20000"];
      const comers = range(2).map((i) => startComer(dbPath, i * 100));
      await Promise.all(comers.map((comer) => comer.read()));
      const slow = await startHost({ dbPath }, { prefix: strace(log, ...delay) });
      await slow.ask({ do: "spans", first: 200, count: 100 });
      for (const comer of comers) expect(await comer.child.exited).toBe(0);
      await endWritten(slow);
      expect(injections(log)).toBeGreaterThan(0);
      expect(spansIn(dbPath)).toEqual({ numbers: range(300), integrity: "ok" });
      expect(filesAside(dbPath).filter((name) => name.includes(".stray-"))).toEqual([]);
    },
    60_000,
  );

  test.skipIf(!hasStrace)(
    "that two find at once takes no new file along, however late the second one moves it",
    async () => {
      const dbPath = await damagedFile();
      const log = join(tempDir(), "log");
      const delay = ["-e", "trace=rename,link", "-e", "inject=rename:delay_enter=500000"];
      const comer = startComer(dbPath, 0);
      await comer.read();
      const late = await startHost({ dbPath }, { prefix: strace(log, ...delay) });
      const fast = await startHost({ dbPath });
      await late.ask({ do: "spans", first: 100, count: 100 });
      while (!readFileSync(log, "utf8").includes("rename(")) await Bun.sleep(1);
      await fast.ask({ do: "spans", first: 200, count: 100 });
      expect(await comer.child.exited).toBe(0);
      for (const host of [late, fast]) await endWritten(host);
      expect(readFileSync(log, "utf8")).toContain("link(");
      expect(spansIn(dbPath)).toEqual({ numbers: range(300), integrity: "ok" });
      expect(databasesAside(dbPath)).toHaveLength(1);
    },
    60_000,
  );
});

test("a -wal that a killed process left behind a moved database gets back into it, as the docs say", async () => {
  const directory = tempDir();
  const dbPath = join(directory, "t.db");
  const killed = await startHost({ dbPath });
  await killed.ask({ do: "spans", first: 0, count: 100 });
  await killed.ask({ do: "flush" });
  killed.child.kill("SIGKILL");
  await killed.child.exited;
  renameSync(dbPath, join(directory, "old.db"));
  await writeAndEnd([await startHost({ dbPath })], 1);
  expect(spansIn(dbPath)).toEqual({ numbers: range(100), integrity: "ok" });
  const stray = filesAside(dbPath).find((name) => /\.stray-.*-wal$/.test(name)) ?? "";
  renameSync(join(directory, stray), join(directory, "old.db-wal"));
  openDatabase(join(directory, "old.db"), 100).close(true);
  expect(spansIn(join(directory, "old.db"))).toEqual({ numbers: range(100), integrity: "ok" });
});
