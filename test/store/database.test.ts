import { Database } from "bun:sqlite";
import { describe, expect, spyOn, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/store/database.ts";
import { fileIdentity } from "../../src/store/file-identity.ts";
import { APPLICATION_ID, MIGRATIONS } from "../../src/store/schema.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

const HOLD_FOR_300_MS = `
  const db = new (require("bun:sqlite").Database)(process.argv[1]);
  db.run("BEGIN IMMEDIATE");
  console.log("held");
  Bun.sleepSync(300);
  db.run("COMMIT");`;

function kindOfOpening(path: string, busyTimeoutMs = 100): [string, string] {
  try {
    openDatabase(path, busyTimeoutMs).close(true);
  } catch (error) {
    if (error instanceof StoreError) return [error.kind, error.message];
    throw error;
  }
  return ["opened", ""];
}

function sha256(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

describe("a new file", () => {
  test("and its directory are private, whatever the umask", () => {
    const umask = process.umask(0);
    try {
      const path = join(tempDir(), "new", "t.db");
      const db = openDatabase(path, 100);
      db.run("CREATE TABLE x (y)");
      const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8);
      expect([
        mode(join(path, "..")),
        mode(path),
        mode(`${path}-wal`),
        mode(`${path}-shm`),
      ]).toEqual(["700", "600", "600", "600"]);
      db.close(true);
    } finally {
      process.umask(umask);
    }
  });

  test("has incremental auto-vacuum, WAL, and our application id and version", () => {
    const db = openDatabase(join(tempDir(), "t.db"), 100);
    const pragma = (name: string): unknown =>
      Object.values(db.query(`PRAGMA ${name}`).get() ?? {})[0];
    expect(pragma("auto_vacuum")).toBe(2);
    expect(pragma("journal_mode")).toBe("wal");
    expect(pragma("synchronous")).toBe(1);
    expect(pragma("trusted_schema")).toBe(0);
    expect(pragma("application_id")).toBe(APPLICATION_ID);
    expect(pragma("user_version")).toBe(MIGRATIONS.length);
    db.close(true);
  });

  test("may stand there empty already", () => {
    const path = join(tempDir(), "t.db");
    writeFileSync(path, "");
    expect(kindOfOpening(path)).toEqual(["opened", ""]);
  });
});

describe("a new file that several processes make at once", () => {
  test("is nobody's until it is ours: it never looks like a stranger's in between", () => {
    const path = join(tempDir(), "t.db");
    const empty = new Database(path);
    empty.run("PRAGMA journal_mode = WAL");
    const db = new Database(path, { readonly: true });
    const query = db.query.bind(db);
    spyOn(db, "query").mockImplementation((sql: string) => {
      if (sql.includes("sqlite_schema")) openDatabase(path, 100).close(true);
      return query(sql);
    });
    expect(fileIdentity(db)).toEqual({ applicationId: 0, schemaVersion: 0, isEmpty: true });
    expect(fileIdentity(db)).toEqual({
      applicationId: APPLICATION_ID,
      schemaVersion: MIGRATIONS.length,
      isEmpty: false,
    });
    db.close(true);
    empty.close(true);
  });

  test("is waited for while another turns WAL on, although SQLite would not wait", async () => {
    const path = join(tempDir(), "t.db");
    const holder = Bun.spawn([process.execPath, "-e", HOLD_FOR_300_MS, path], { stdout: "pipe" });
    await holder.stdout.getReader().read();
    expect(kindOfOpening(path, 10)[0]).toBe("busy");
    expect(kindOfOpening(path, 5000)).toEqual(["opened", ""]);
    expect(await holder.exited).toBe(0);
  });
});

describe("a file that is not ours is refused and stays as it was, byte for byte", () => {
  test("of another program", () => {
    const path = join(tempDir(), "foreign.db");
    const db = new Database(path);
    db.run("CREATE TABLE notes (x)");
    db.close(true);
    const before = sha256(path);
    expect(kindOfOpening(path)).toEqual([
      "foreign",
      `${path} belongs to another program (application_id 0); it was not touched. Choose another path with dbPath or TELEMETRY_DB_PATH.`,
    ]);
    expect(sha256(path)).toBe(before);
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  test("of a newer version", () => {
    const path = join(tempDir(), "newer.db");
    const db = openDatabase(path, 100);
    db.run("PRAGMA user_version = 999");
    db.close(true);
    const before = sha256(path);
    const [kind, message] = kindOfOpening(path);
    expect(kind).toBe("newer");
    expect(message).toContain("has schema version 999");
    expect(sha256(path)).toBe(before);
  });

  test("that is plain text", () => {
    const path = join(tempDir(), "notes.txt");
    writeFileSync(path, "These are my notes.\n".repeat(100));
    const before = sha256(path);
    expect(kindOfOpening(path)[0]).toBe("corrupt");
    expect(sha256(path)).toBe(before);
  });

  test("behind a symbolic link", () => {
    const directory = tempDir();
    writeFileSync(join(directory, "target"), "");
    symlinkSync(join(directory, "target"), join(directory, "t.db"));
    expect(kindOfOpening(join(directory, "t.db"))[0]).toBe("cannot_open");
    expect(statSync(join(directory, "target")).size).toBe(0);
  });
});

test("a directory at the path is named as what it is", () => {
  const path = join(tempDir(), "t.db");
  mkdirSync(path);
  expect(kindOfOpening(path)).toEqual([
    "cannot_open",
    `${path} is a directory; give the path of a file.`,
  ]);
});
