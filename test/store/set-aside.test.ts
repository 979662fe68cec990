import { Database } from "bun:sqlite";
import { describe, expect, spyOn, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/store/database.ts";
import { filesAt, inodeOf, setAside, setAsideDamaged } from "../../src/store/set-aside.ts";
import { NOW_MS } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

/** A database of ours whose content is noise. */
function damagedFile(): string {
  const path = join(tempDir(), "t.db");
  openDatabase(path, 100).close(true);
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0x5a, 4096));
  return path;
}

describe("two processes that find the same damage at once", () => {
  test("set one file aside: the second one leaves alone what the first has begun", () => {
    const path = damagedFile();
    const damaged = inodeOf(path);
    const query = Database.prototype.query;
    let hasRival = true;
    const spy = spyOn(Database.prototype, "query").mockImplementation(function (
      this: Database,
      sql: string,
    ) {
      try {
        return query.call(this, sql);
      } finally {
        if (hasRival && sql.includes("integrity_check")) {
          hasRival = false;
          setAside(path, "corrupt", NOW_MS, filesAt(path, ["", "-wal", "-shm"]));
          openDatabase(path, 100).close(true);
        }
      }
    } as typeof query);
    try {
      expect(setAsideDamaged(path, damaged, NOW_MS)).toBe("sound");
    } finally {
      spy.mockRestore();
    }
    expect(hasRival).toBe(false);
    expect(inodeOf(path)).not.toBe(damaged);
    openDatabase(path, 100).close(true);
    const names = readdirSync(join(path, "..")).filter((name) => !/-(wal|shm)$/.test(name));
    expect(names.sort()).toEqual(["t.db", "t.db.corrupt-20261120T120000000Z"]);
  });
});

test.if(process.platform === "linux")("a look at a file takes no lock of this process away", () => {
  const path = join(tempDir(), "t.db");
  const db = openDatabase(path, 100);
  db.run("PRAGMA wal_checkpoint(TRUNCATE)"); // Whose it is, its first page says.
  db.run("BEGIN IMMEDIATE");
  const locks = (): string[] =>
    readFileSync("/proc/locks", "utf8")
      .split("\n")
      .filter(
        (line) =>
          line.includes(`:${inodeOf(path)} `) || line.includes(`:${inodeOf(`${path}-shm`)} `),
      );
  const before = locks();
  expect(before.length).toBeGreaterThan(1);
  for (let i = 0; i < 3; i += 1) expect(setAsideDamaged(path, 0, NOW_MS)).toBe("sound");
  expect(locks()).toHaveLength(before.length);
  db.run("ROLLBACK");
  db.close(true);
});

test("another database's -wal beside an empty file is not read into it", () => {
  const path = join(tempDir(), "t.db");
  const other = join(tempDir(), "other.db");
  const db = openDatabase(other, 100);
  db.run("INSERT INTO scopes (body) VALUES ('a stranger')");
  Bun.spawnSync(["cp", `${other}-wal`, `${path}-wal`]);
  db.close(true);
  writeFileSync(path, "");
  const opened = openDatabase(path, 100);
  expect(opened.query("SELECT count(*) AS n FROM scopes").get()).toEqual({ n: 0 });
  opened.close(true);
});
