import { describe, expect, test } from "bun:test";
import { renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { Store } from "../../src/store/store.ts";
import { writeAcme } from "../support/acme.ts";
import { BusyBot } from "../support/busy-bot.ts";
import { commandLine } from "../support/command-line.ts";
import { ledger } from "../support/ledger.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();
const MAIN = join(import.meta.dir, "../../src/cli/main.ts");
const DAY_MS = 86_400_000;

interface Output {
  exitCode: number;
  stdout: string;
  stderr: string;
}

async function spanledger(path: string, ...args: string[]): Promise<Output> {
  const { TELEMETRY_RETENTION_DAYS: _, ...env } = process.env;
  const child = Bun.spawn([process.execPath, MAIN, "--db", path, ...args], {
    stdout: "pipe",
    stderr: "pipe",
    env,
  });
  const text = (stream: ReadableStream): Promise<string> => new Response(stream).text();
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { exitCode: await child.exited, stdout, stderr };
}

/** Two runs of today, and two of a hundred days ago. */
function filledFile(): { path: string; bot: BusyBot } {
  const store = new Store({ path: join(tempDir(), "t.db"), writer: "w", busyTimeoutMs: 1000 });
  const bot = new BusyBot(5);
  const nowMs = Date.now();
  for (const days of [100, 100, 0, 0]) store.write(bot.run(nowMs - days * DAY_MS, 20), nowMs);
  store.close();
  return { path: store.path, bot };
}

describe("maintain", () => {
  test("--dry-run says what would go, and changes nothing", async () => {
    const { path } = filledFile();
    const { exitCode, stdout, stderr } = await spanledger(path, "maintain", "--dry-run");
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("2 traces (40 spans) older than 90 days would be purged");
    const again = await spanledger(path, "maintain", "--dry-run", "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({ expiredTraces: 2, expiredSpans: 40 });
  });

  test("purges by the bounds that it is told, beside a host that holds the lease", async () => {
    const { path, bot } = filledFile();
    const host = new Store({ path, writer: "host", busyTimeoutMs: 1000 });
    const maintainer = host.maintainer({ retentionMs: 200 * DAY_MS, maxDbBytes: 0 });
    while (maintainer.step(Date.now()).didWork);
    const kept = await spanledger(path, "maintain");
    expect(kept.stdout).toContain("Nothing had to be purged.");
    const { exitCode, stdout } = await spanledger(path, "maintain", "--retention-days", "50");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Purged 2 traces (40 spans)");
    expect(ledger(path)).toEqual(bot.account());
    host.close();
  });

  test("takes no impossible bound, and makes no file", async () => {
    const { path } = filledFile();
    const wrong = await spanledger(path, "maintain", "--retention-days", "-1");
    expect([wrong.exitCode, wrong.stdout]).toEqual([2, ""]);
    const none = await spanledger(`${path}.none`, "maintain");
    expect(none.exitCode).toBe(1);
    expect(none.stderr).toStartWith(`There is no database at ${path}.none yet.`);
    expect(statSync(`${path}.none`, { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe("what is printed", () => {
  /** Of the acme file; sizes are the file's, which every schema changes. */
  async function print(...args: string[]): Promise<string> {
    const path = join(tempDir(), "t.db");
    writeAcme(path);
    const { exitCode, out, error } = await commandLine(["--db", path, ...args]);
    expect([exitCode, error]).toEqual([0, ""]);
    const sizes = out
      .replace(/[\d.]+ (B|KiB|MiB|GiB)/g, "SIZE")
      .replace(/("\w*Bytes": )\d+/g, "$10");
    return `\n${sizes.replaceAll(path, "FILE")}\n`;
  }

  test("by maintain, for each of its flags", async () => {
    expect(await print("maintain", "--dry-run")).toMatchInlineSnapshot(`
      "
      No trace is older than 90 days.
      SIZE are in use.
      SIZE are free in the file.
      "
    `);
    expect(await print("maintain", "--dry-run", "--retention-days", "3")).toMatchInlineSnapshot(`
      "
      2 traces (2 spans) older than 3 days would be purged, last seen 2026-11-12 to 2026-11-17.
      SIZE are in use.
      SIZE are free in the file.
      "
    `);
    expect(await print("maintain", "--dry-run", "--max-db-bytes", "1000")).toMatchInlineSnapshot(`
      "
      No trace is older than 90 days.
      SIZE are in use, SIZE above the limit: the oldest traces would be purged until it is kept.
      SIZE are free in the file.
      "
    `);
    expect(await print("maintain", "--retention-days", "3")).toMatchInlineSnapshot(`
      "
      Purged 2 traces (2 spans), last seen 2026-11-12 to 2026-11-17; what they cost stays in usage_daily.
      SIZE given back to the file system.
      "
    `);
    expect(
      await print("maintain", "--retention-days", "3", "--dry-run", "--json"),
    ).toMatchInlineSnapshot(`
      "
      {
        "expiredTraces": 2,
        "expiredSpans": 2,
        "oldestMs": 1794456000000,
        "newestMs": 1794888000000,
        "liveBytes": 0,
        "excessBytes": 0,
        "freeBytes": 0
      }
      "
    `);
  });

  test("of TELEMETRY_RETENTION_DAYS that is none, and of bounds that are none", async () => {
    const path = join(tempDir(), "t.db");
    writeAcme(path);
    const args = ["--db", path, "maintain", "--dry-run"];
    const environment = { TELEMETRY_RETENTION_DAYS: "a while" };
    const { exitCode, out, error } = await commandLine(args, { environment });
    expect([exitCode, out.split("\n")[0], error]).toMatchInlineSnapshot(`
      [
        0,
        "No trace is older than 90 days.",
        "TELEMETRY_RETENTION_DAYS is "a while"; it must be a number of days above 0 and up to 36500. It is not heeded.",
      ]
    `);
    for (const bytes of ["", "-1", "1e3", "ten"]) {
      expect((await commandLine([...args, "--max-db-bytes", bytes])).exitCode).toBe(2);
    }
  });

  test("by doctor", async () => {
    const text = await print("doctor");
    const machine = /^(disk|SQLite|file system|permissions|open in|schema version) .*$/gm;
    expect(text.replace(machine, "$1 …")).toMatchInlineSnapshot(`
      "
      path            FILE
      size            SIZE: SIZE in use, SIZE free
      WAL             SIZE
      disk …
      rows            6 traces, 6 spans, 6 runs, 0 daily sums
      oldest          2026-11-12 04:00 UTC
      newest          2026-11-20 11:00 UTC
      retention       no host has said yet
      maintained by   no one now
      written         6 spans
      dropped         none
      schema version …
      SQLite …
      file system …
      permissions …
      open in …
      integrity       ok

      Nothing needs a person.
      "
    `);
  });

  test("by backup and restore", async () => {
    const copy = join(tempDir(), "copy.db");
    expect((await print("backup", copy)).replace(copy, "COPY")).toMatchInlineSnapshot(`
      "
      Backed up to COPY (SIZE).
      "
    `);
    const { out } = await commandLine(["--db", `${copy}.new`, "restore", copy]);
    expect(out).toStartWith(`Restored to ${copy}.new (`);
  });
});

describe("doctor", () => {
  test("exits 0 where nothing needs a person, and says what it saw", async () => {
    const { path } = filledFile();
    await spanledger(path, "maintain");
    const { exitCode, stdout, stderr } = await spanledger(path, "doctor");
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n").map((line) => line.split("  ")[0])).toMatchInlineSnapshot(`
      [
        "path",
        "size",
        "WAL",
        "disk",
        "rows",
        "oldest",
        "newest",
        "retention",
        "maintained by",
        "written",
        "dropped",
        "schema version",
        "SQLite",
        "file system",
        "permissions",
        "open in",
        "integrity",
        "",
        "Nothing needs a person.",
        "",
      ]
    `);
    expect(stdout).toContain("Nothing needs a person.");
  });

  test("exits 1 with the sentence that says what to do", async () => {
    const { path } = filledFile();
    const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
    store.recordDrops({ queue_full: 7 }, Date.now());
    store.close();
    const { exitCode, stdout } = await spanledger(path, "doctor", "--json");
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).findings).toEqual([
      "7 spans were dropped in the last seven days (queue_full): the host's log says why, and reports are a lower bound.",
    ]);
  });
});

describe("backup and restore", () => {
  test("say how far they are on a terminal, and leave only the answer there", async () => {
    const { path } = filledFile();
    let shown = "";
    const child = Bun.spawn([process.execPath, MAIN, "--db", path, "backup", `${path}.copy`], {
      terminal: {
        cols: 200,
        data: (_, bytes) => {
          shown += new TextDecoder().decode(bytes);
        },
      },
    });
    expect(await child.exited).toBe(0);
    while (!shown.includes("\n")) await Bun.sleep(1);
    const answer = shown.slice(shown.lastIndexOf("\r\u001b[K") + "\r\u001b[K".length);
    expect(answer).toMatch(/^Backed up to .*copy \(.* KiB\)\.\r\n$/);
  });

  test("bring the same totals back, and overwrite nothing", async () => {
    const { path, bot } = filledFile();
    const copy = `${path}.copy`;
    expect((await spanledger(path, "backup", copy)).exitCode).toBe(0);
    const again = await spanledger(path, "backup", copy);
    expect([again.exitCode, again.stdout]).toEqual([1, ""]);
    expect(again.stderr).toContain("is not overwritten");
    expect((await spanledger(path, "restore", copy)).exitCode).toBe(1);
    renameSync(path, `${path}.old`);
    for (const suffix of ["-wal", "-shm"]) {
      if (statSync(path + suffix, { throwIfNoEntry: false }))
        renameSync(path + suffix, `${path}.old${suffix}`);
    }
    expect((await spanledger(path, "restore", copy)).exitCode).toBe(0);
    expect(ledger(path)).toEqual(bot.account());
  });
});
