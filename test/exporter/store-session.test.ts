import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { SpanRowReader } from "../../src/exporter/span-row.ts";
import { StoreSession } from "../../src/exporter/store-session.ts";
import type { SpanRow } from "../../src/store/rows.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { NOW_MS } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { newSession, sessionOptions, spanRecordOf, spanRecords } from "../support/writers.ts";

const tempDir = useTempDir();

function count(path: string): number {
  const db = new Database(path);
  try {
    return (db.query("SELECT count(*) AS n FROM span_rows").get() as { n: number }).n;
  } finally {
    db.close(true);
  }
}

/** A sound file with 300 spans, closed. */
function soundFile(): string {
  const path = join(tempDir(), "t.db");
  const session = newSession(path);
  session.write(spanRecords(300));
  session.close();
  return path;
}

/** Files of the child's own: no connection of this process may be open on what it changes. */
function overwrite(path: string, bytes: Uint8Array, at: number): void {
  const content = readFileSync(path);
  content.set(bytes, at);
  writeFileSync(path, content);
}

function filesBeside(path: string): string[] {
  return readdirSync(join(path, "..")).sort();
}

describe("a damaged file of ours is set aside, and the batch goes into a new one", () => {
  const damages: [string, (path: string) => void][] = [
    ["its first byte", (path) => overwrite(path, Uint8Array.of(0), 0)],
    ["its page size", (path) => overwrite(path, Uint8Array.of(0x7f, 0x7f), 16)],
    ["half of it is gone", (path) => truncateSync(path, readFileSync(path).length >> 1)],
    ["all but the first 16 bytes", (path) => truncateSync(path, 16)],
    ["a page in its middle", (path) => overwrite(path, new Uint8Array(4096).fill(0xa5), 4096 * 3)],
  ];
  for (const [what, damage] of damages) {
    test(what, () => {
      const path = soundFile();
      damage(path);
      const notes: string[] = [];
      const session = newSession(path, (note) => notes.push(note));
      expect(session.write(spanRecords(10, 1000))).toEqual({ committed: 10, poison: 0 });
      session.close();
      expect(count(path)).toBe(10);
      const aside = "t.db.corrupt-20261120T120000000Z";
      expect(filesBeside(path)).toContain(aside);
      expect(notes).toEqual([
        `${path} is damaged. It was set aside as ${path.replace("t.db", aside)}, and a new file is begun.`,
      ]);
    });
  }

  test("while it is open", () => {
    const path = soundFile();
    const session = newSession(path);
    session.write(spanRecords(1, 5000));
    session.close();
    // Beneath an open connection, from another process: this one would drop its own locks.
    const open = newSession(path);
    open.write(spanRecords(1, 6000));
    const noise = [
      "dd",
      "if=/dev/urandom",
      `of=${path}`,
      "bs=4096",
      "seek=1",
      "count=60",
      "conv=notrunc",
    ];
    expect(Bun.spawnSync(noise).exitCode).toBe(0);
    Bun.spawnSync(["truncate", "-s", "0", `${path}-wal`]);
    for (let i = 0; i < 10; i += 1) open.write(spanRecords(400, 10_000 + i * 400));
    open.close();
    const [check] = new Database(path).query("PRAGMA integrity_check").all();
    expect(check).toEqual({ integrity_check: "ok" });
    expect(filesBeside(path).some((name) => name.startsWith("t.db.corrupt-"))).toBe(true);
  });
});

describe("a file that is not ours is never touched", () => {
  function refusal(path: string): StoreError {
    const session = newSession(path);
    try {
      session.write(spanRecords(1));
    } catch (error) {
      if (error instanceof StoreError) return error;
      throw error;
    } finally {
      session.close();
    }
    throw new Error("it was written to");
  }

  test("a text", () => {
    const path = join(tempDir(), "t.db");
    writeFileSync(path, "my notes\n".repeat(100));
    for (let i = 0; i < 3; i += 1) expect(refusal(path).kind).toBe("foreign");
    expect(readFileSync(path, "utf8")).toBe("my notes\n".repeat(100));
    expect(filesBeside(path)).toEqual(["t.db"]);
  });

  test("another program's damaged database", () => {
    const path = join(tempDir(), "t.db");
    const db = new Database(path);
    db.run("PRAGMA application_id = 7");
    db.run("CREATE TABLE notes (x)");
    db.close(true);
    overwrite(path, Uint8Array.of(0), 0);
    const before = readFileSync(path);
    expect(refusal(path).kind).toBe("foreign");
    expect(readFileSync(path)).toEqual(before);
  });
});

describe("a file that goes away under the writer", () => {
  test("loses nothing of the batch that finds it gone", () => {
    const path = join(tempDir(), "t.db");
    const session = newSession(path);
    session.write(spanRecords(10));
    rmSync(path);
    expect(session.write(spanRecords(10, 10))).toEqual({ committed: 10, poison: 0 });
    session.close();
    expect(count(path)).toBe(10);
  });

  test("by a new name keeps what it had, and its -wal is not read into the new file", () => {
    const path = join(tempDir(), "t.db");
    const session = newSession(path);
    session.write(spanRecords(10));
    renameSync(path, `${path}.old`);
    session.write(spanRecords(5, 10));
    session.close();
    expect(count(path)).toBe(5);
    expect(count(`${path}.old`)).toBeGreaterThanOrEqual(10);
  });

  test("when only its -wal is deleted, the batch is written again", () => {
    const path = join(tempDir(), "t.db");
    const session = newSession(path);
    session.write(spanRecords(10));
    rmSync(`${path}-wal`);
    session.write(spanRecords(5, 10));
    session.close();
    const db = new Database(path);
    expect(db.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    db.close(true);
    expect(count(path)).toBeGreaterThanOrEqual(5);
  });

  test("and a -wal without its database is set aside before a new one is made", () => {
    const path = join(tempDir(), "t.db");
    const session = newSession(path);
    session.write(spanRecords(10));
    Bun.spawnSync(["cp", `${path}-wal`, `${path}-kept`]);
    session.close();
    rmSync(path);
    renameSync(`${path}-kept`, `${path}-wal`);
    const notes: string[] = [];
    const next = newSession(path, (note) => notes.push(note));
    next.write(spanRecords(3, 50));
    next.close();
    expect(count(path)).toBe(3);
    expect(notes).toEqual([
      `A -wal without its database stood at ${path}; it is now ${path}.stray-20261120T120000000Z-wal.`,
    ]);
  });
});

test("a span whose reading fails is stored without its usage", () => {
  class BrokenReader extends SpanRowReader {
    override row(): SpanRow {
      throw new Error("cannot read");
    }
  }
  const path = join(tempDir(), "t.db");
  const notes: string[] = [];
  const reader = new BrokenReader({ price: () => null });
  const session = new StoreSession(
    sessionOptions(path),
    reader,
    (note) => notes.push(note),
    () => NOW_MS,
  );
  expect(session.write(spanRecords(2))).toEqual({ committed: 2, poison: 0 });
  session.close();
  expect(notes[0]).toContain("cannot read");
  expect(count(path)).toBe(2);
});

test("a poison row is counted, and said once for its batch", () => {
  const path = join(tempDir(), "t.db");
  const notes: string[] = [];
  const session = newSession(path, (note) => notes.push(note));
  const records = [...spanRecords(5), spanRecordOf(9, { traceId: "no hex" })];
  expect(session.write(records)).toEqual({ committed: 5, poison: 1 });
  session.close();
  expect(notes).toHaveLength(1);
  expect(notes[0]).toContain("1 of 6 spans cannot be stored");
});

test("drops are totals: told twice, they count once", () => {
  const path = join(tempDir(), "t.db");
  const session = newSession(path);
  session.recordDrops({ full: 5 });
  session.recordDrops({ full: 7, poison: 1 });
  session.recordDrops({ full: 7, poison: 1 });
  session.close();
  const db = new Database(path);
  expect(db.query("SELECT reason, spans FROM exporter_health ORDER BY reason").all()).toEqual([
    { reason: "full", spans: 7 },
    { reason: "poison", spans: 1 },
  ]);
  db.close(true);
  expect(existsSync(`${path}-wal`)).toBe(false);
});
