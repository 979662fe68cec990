import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { Checkpointer } from "../../src/store/checkpoint.ts";
import { openDatabase } from "../../src/store/database.ts";
import { fileHolders } from "../../src/store/file-holders.ts";
import { NOW_MS } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

function openFile(): { db: Database; path: string; checkpointer: Checkpointer } {
  const path = join(tempDir(), "t.db");
  const db = openDatabase(path, 1000);
  db.run("CREATE TABLE x (y BLOB)");
  return { db, path, checkpointer: new Checkpointer(db, path, 1000) };
}

function grow(db: Database, mebibytes: number): void {
  for (let i = 0; i < mebibytes; i++) db.run("INSERT INTO x VALUES (randomblob(1048576))");
}

describe("the checkpoint ladder", () => {
  test("is due after a thousand rows, or half a minute after some, and else not", () => {
    const { db, checkpointer } = openFile();
    expect(checkpointer.isDue(NOW_MS)).toBe(false);
    checkpointer.noteRows(999);
    expect(checkpointer.isDue(NOW_MS)).toBe(false);
    expect(checkpointer.isDue(NOW_MS + 30_000)).toBe(true);
    checkpointer.noteRows(1);
    expect(checkpointer.isDue(NOW_MS)).toBe(true);
    checkpointer.run(NOW_MS);
    expect(checkpointer.isDue(NOW_MS + 3_600_000)).toBe(false);
    db.close(true);
  });

  test("begins with PASSIVE, after which the WAL is written from its start again", () => {
    const { db, path, checkpointer } = openFile();
    grow(db, 2);
    const report = checkpointer.run(NOW_MS);
    expect(report.mode).toBe("PASSIVE");
    expect(report.checkpointedPages).toBe(report.walPages);
    const { size } = statSync(`${path}-wal`);
    grow(db, 1);
    expect(statSync(`${path}-wal`).size).toBe(size);
    db.close(true);
  });

  test("truncates a WAL above 64 MiB that nobody reads", () => {
    const { db, path, checkpointer } = openFile();
    grow(db, 66);
    expect(checkpointer.run(NOW_MS)).toMatchObject({ mode: "TRUNCATE", pinned: null });
    expect(statSync(`${path}-wal`).size).toBe(0);
    expect(db.query("PRAGMA busy_timeout").values()).toEqual([[1000]]);
    db.close(true);
  });

  test("names a reader that holds the WAL back, once it has for ten seconds", () => {
    const { db, path, checkpointer } = openFile();
    const reader = new Database(path, { readonly: true });
    reader.run("BEGIN");
    reader.query("SELECT count(*) FROM x").get();
    grow(db, 20);
    expect(checkpointer.run(NOW_MS).pinned).toBeNull();
    expect(checkpointer.run(NOW_MS + 9000).pinned).toBeNull();
    const { pinned } = checkpointer.run(NOW_MS + 12_000);
    expect(pinned).toContain(`${path}-wal has grown to 20 MiB`);
    if (process.platform === "linux") expect(pinned).toContain(`open in: ${process.pid} (`);
    reader.run("COMMIT");
    expect(checkpointer.run(NOW_MS + 13_000)).toMatchObject({ pinned: null, mode: "PASSIVE" });
    reader.close(true);
    db.close(true);
  });
});

test.if(process.platform === "linux")(
  "the processes that have a file open are known by pid",
  () => {
    const { db, path } = openFile();
    expect(fileHolders(path).map(({ pid }) => pid)).toEqual([process.pid]);
    db.close(true);
    expect(fileHolders(path)).toEqual([]);
  },
);
