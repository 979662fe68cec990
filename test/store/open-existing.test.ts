import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/store/database.ts";
import { openExisting } from "../../src/store/open-existing.ts";
import { openReader } from "../../src/store/reader.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

test("a file that another process is just making is empty, not a stranger's", () => {
  const path = join(tempDir(), "t.db");
  const sentence = `${path} is empty: nothing was written to it yet.`;
  const opens = [openExisting, openReader];
  writeFileSync(path, "");
  for (const open of opens) expect(() => open(path)).toThrow(sentence);
  const maker = new Database(path);
  maker.run("PRAGMA journal_mode = WAL");
  for (const open of opens) expect(() => open(path)).toThrow(sentence);
  openDatabase(path, 100).close(true);
  for (const open of opens) open(path).close();
  maker.close(true);
});

test("another program's file stays another program's", () => {
  const path = join(tempDir(), "t.db");
  const db = new Database(path);
  db.run("CREATE TABLE notes (x)");
  db.close(true);
  for (const open of [openExisting, openReader]) {
    expect(() => open(path)).toThrow(`${path} is not a spanledger database`);
  }
});
