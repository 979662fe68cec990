import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { useTempDir } from "../support/temp-dir.ts";
import {
  canMount,
  flushUntil,
  killChildren,
  range,
  spansIn,
  startHost,
  startHostOnSmallDisk,
  total,
} from "./child.ts";

const tempDir = useTempDir();
afterEach(killChildren);

const hasMounts = canMount();

/** The spans on a disk that only `inside` can see. */
function spansInside(dbPath: string, inside: (...command: string[]) => string[]): unknown {
  const copy = join(tempDir(), "copy.db");
  Bun.spawnSync(inside("cp", dbPath, copy));
  return spansIn(copy);
}

describe.skipIf(!hasMounts)("a disk that is full", () => {
  test("and has room again: writing resumes by itself", async () => {
    const dbPath = join(tempDir(), "t.db");
    const { host, inside } = await startHostOnSmallDisk(dbPath, { mebibytes: 12 });
    await host.ask({ do: "spans", first: 0, count: 500 });
    expect(await host.health({ do: "flush" })).toMatchObject({ committed: 500, state: "ok" });
    Bun.spawnSync(inside("sh", "-c", `cat /dev/zero > ${dbPath}.filler`));
    await host.ask({ do: "spans", first: 500, count: 6000 });
    const full = await flushUntil(host, ({ state }) => state === "degraded");
    expect(full.lastError).toContain("free some space and writing resumes");
    expect(full).toMatchObject({ ended: 6500, dropped: {} });
    Bun.spawnSync(inside("rm", `${dbPath}.filler`));
    const freed = await flushUntil(host, ({ queued }) => queued === 0);
    expect(freed).toMatchObject({ committed: 6500, queued: 0, dropped: {}, state: "ok" });
    await host.ask({ do: "shutdown" });
    expect(spansInside(dbPath, inside)).toEqual({ numbers: range(6500), integrity: "ok" });
  }, 60_000);

  test("before the file is made: one line in the log, and all of it written later", async () => {
    const dbPath = join(tempDir(), "t.db");
    const before = "cat /dev/zero > filler";
    const { host, inside } = await startHostOnSmallDisk(dbPath, { mebibytes: 4, before });
    await host.ask({ do: "spans", first: 0, count: 100 });
    const full = await flushUntil(host, ({ state }) => state === "degraded");
    expect(full).toMatchObject({ committed: 0, queued: 100, dropped: {} });
    Bun.spawnSync(inside("rm", join(dbPath, "../filler")));
    const freed = await flushUntil(host, ({ queued }) => queued === 0);
    expect(freed).toMatchObject({ committed: 100, dropped: {}, state: "ok" });
    await host.ask({ do: "shutdown" });
    expect(spansInside(dbPath, inside)).toEqual({ numbers: range(100), integrity: "ok" });
    await host.end();
    const log = (await host.stderr).trim().split("\n");
    expect(log.filter((line) => line.includes("free some space"))).toHaveLength(1);
  }, 60_000);

  // Without the room SQLite cannot bring back what is in the -wal, and the -wal is all that is in the way.
  test("of a -wal that a reader held back: written once there is room for it in the file", async () => {
    const dbPath = join(tempDir(), "t.db");
    const before = "head -c 1048576 /dev/zero > filler";
    const { host, inside } = await startHostOnSmallDisk(dbPath, { mebibytes: 4, before });
    await host.ask({ do: "spans", first: 0, count: 10 });
    await host.ask({ do: "flush" });
    const script = `
      import { Database } from "bun:sqlite";
      const db = new Database(${JSON.stringify(dbPath)}, { readonly: true });
      db.run("BEGIN");
      db.query("SELECT count(*) FROM span_rows").get();
      console.log("held");
      for await (const _ of process.stdin) break;
      db.close(true);`;
    const command = inside(process.execPath, "-e", script);
    const reader = Bun.spawn(command, { stdin: "pipe", stdout: "pipe" });
    await reader.stdout.getReader().read();
    let count = 10;
    let health = await host.health();
    while (health.state === "ok") {
      await host.ask({ do: "spans", first: count, count: 100 });
      count += 100;
      health = await host.health({ do: "flush" });
    }
    expect(health).toMatchObject({ ended: count, dropped: {} });
    expect(health.lastError).toContain("free some space");
    reader.kill("SIGKILL");
    await reader.exited;
    Bun.spawnSync(inside("rm", join(dbPath, "../filler")));
    const freed = await flushUntil(host, ({ queued }) => queued === 0);
    expect(freed).toMatchObject({ committed: count, dropped: {}, state: "ok" });
    await host.ask({ do: "shutdown" });
    expect(spansInside(dbPath, inside)).toEqual({ numbers: range(count), integrity: "ok" });
  }, 60_000);
});

test("a limit on the length of files: the host lives on, and what cannot be held is counted", async () => {
  const dbPath = join(tempDir(), "t.db");
  const prefix = ["sh", "-c", 'ulimit -f 800; exec "$@"', "sh"];
  const host = await startHost({ dbPath }, { prefix });
  for (let i = 0; i < 6; i += 1) {
    await host.ask({ do: "spans", first: i * 5000, count: 5000 });
    await host.ask({ do: "flush" });
  }
  const health = await flushUntil(host, ({ state }) => state === "degraded");
  expect(health.ended).toBe(30_000);
  expect(total(health)).toBe(30_000);
  expect(health.dropped["full"]).toBeGreaterThan(0);
  expect(await host.end()).toBe(0);
  const { numbers, integrity } = spansIn(dbPath);
  expect(integrity).toBe("ok");
  expect(numbers.length).toBeGreaterThanOrEqual(health.committed);
}, 60_000);
