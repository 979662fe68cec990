import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { useTempDir } from "../support/temp-dir.ts";
import {
  canRun,
  type Host,
  injections,
  killChildren,
  range,
  spansIn,
  startHost,
  startLocker,
  strace,
} from "./child.ts";

type Locker = Awaited<ReturnType<typeof startLocker>>;

const tempDir = useTempDir();
afterEach(killChildren);

const LOCK_MS = Number(process.env["FAULT_LOCK_MS"] ?? 10_000);
const GAP_MS = 20;
/** A machine that does other things may spoil a measurement; a host that waits for the file spoils each. */
const TRIES = { timeout: 60_000, retry: 2 };
const hasStrace = canRun("strace", ["strace", "-o", "/dev/null", "true"]);

/** The two commands around a fault: both hosts' gaps are measured over the same time. */
async function gapsDuring(host: Host, idle: Host, fault: () => Promise<void>): Promise<number> {
  await Promise.all([host.ask({ do: "gap" }), idle.ask({ do: "gap" })]);
  await fault();
  const [gap, idleGap] = await Promise.all([host.ask({ do: "gap" }), idle.ask({ do: "gap" })]);
  console.log(
    `largest gap ${Number(gap).toFixed(1)} ms, of an idle host ${Number(idleGap).toFixed(1)} ms`,
  );
  // What this machine does to a host that has nothing to do is not our doing.
  return Number(gap) - Number(idleGap);
}

/** Waits until the host knows that it cannot write; nothing is dropped for that. */
async function degraded(host: Host): Promise<void> {
  let health = await host.health();
  for (; health.state !== "degraded"; health = await host.health()) await Bun.sleep(50);
  expect(health.dropped).toEqual({});
}

/** Streams spans through `fault`, then ends it and expects each span to be in the file. */
async function streamThrough(
  host: Host,
  dbPath: string,
  fault: () => Promise<void>,
): Promise<void> {
  const idle = await startHost({ dbPath: join(tempDir(), "idle.db") });
  await host.ask({ do: "spans", first: 0, count: 10 });
  await host.ask({ do: "flush" });
  const gap = await gapsDuring(host, idle, async () => {
    await host.ask({ do: "stream", first: 10, perTick: 4 });
    await fault();
  });
  const count = Number(await host.ask({ do: "stop" }));
  let health = await host.health({ do: "flush" });
  for (let i = 0; i < 20 && health.queued > 0; i += 1) health = await host.health({ do: "flush" });
  expect(health).toMatchObject({ ended: count, committed: count, queued: 0, dropped: {} });
  expect(gap).toBeLessThan(GAP_MS);
  expect(await host.end()).toBe(0);
  expect(spansIn(dbPath)).toEqual({ numbers: range(count), integrity: "ok" });
}

describe("the host's event loop goes on, and every span is there afterwards, while", () => {
  test(
    `another process holds BEGIN EXCLUSIVE for ${LOCK_MS} ms`,
    async () => {
      const dbPath = join(tempDir(), "t.db");
      const host = await startHost({ dbPath });
      await streamThrough(host, dbPath, async () => {
        const locker = await startLocker(dbPath);
        await Bun.sleep(LOCK_MS);
        await degraded(host);
        locker.stdin.write("go\n");
        locker.stdin.flush();
        await locker.exited;
      });
      const log = (await host.stderr).trim().split("\n");
      expect(log).toHaveLength(2);
      expect(log[0]).toContain("another process holds the write lock");
      expect(log[1]).toContain("Spans are written again.");
    },
    TRIES,
  );

  const ends: [string, (locker: Locker) => void][] = [
    ["killed", (locker) => locker.kill("SIGKILL")],
    [
      "let go on",
      (locker) => {
        locker.kill("SIGCONT");
        locker.stdin.write("go\n");
        locker.stdin.flush();
      },
    ],
  ];
  for (const [how, end] of ends) {
    test(
      `the holder of the lock is stopped, and ${how}`,
      async () => {
        const dbPath = join(tempDir(), "t.db");
        const host = await startHost({ dbPath });
        await streamThrough(host, dbPath, async () => {
          const locker = await startLocker(dbPath);
          locker.kill("SIGSTOP");
          await Bun.sleep(2000);
          await degraded(host);
          end(locker);
          await locker.exited;
        });
      },
      TRIES,
    );
  }

  test.skipIf(!hasStrace)(
    "each fsync takes 2 s",
    async () => {
      const dbPath = join(tempDir(), "t.db");
      await (await startHost({ dbPath })).end(); // A new file would take many.
      const delay = [
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        "inject=fsync,fdatasync:delay_enter=2000000",
      ];
      const log = join(tempDir(), "log");
      const prefix = strace(log, ...delay);
      const host = await startHost({ dbPath }, { prefix });
      await streamThrough(host, dbPath, async () => {
        // More than the rows after which a checkpoint, and with it an fsync, is due.
        await Bun.sleep(3000);
      });
      expect(injections(log)).toBeGreaterThan(0);
    },
    TRIES,
  );
});
