import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { backup, restore } from "../../src/store/backup.ts";
import { Store } from "../../src/store/store.ts";
import { BusyBot } from "../support/busy-bot.ts";
import { ledger } from "../support/ledger.ts";
import { NOW_MS } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

function filled(spans = 500): { store: Store; bot: BusyBot; path: string } {
  const store = new Store({ path: join(tempDir(), "t.db"), writer: "w", busyTimeoutMs: 1000 });
  const bot = new BusyBot(5);
  while (bot.spans < spans) store.write(bot.run(NOW_MS, 20), NOW_MS);
  return { store, bot, path: store.path };
}

function pragma(path: string, name: string): unknown {
  const db = new Database(path, { readonly: true });
  const [value] = db.query(`PRAGMA ${name}`).values().flat();
  db.close(true);
  return value;
}

describe("a backup", () => {
  test("holds all that is committed, while the file stays open and is written to", () => {
    const { store, bot, path } = filled();
    const expected = bot.account();
    const copy = join(tempDir(), "copy.db");
    const bytes = backup(path, copy, () => {
      store.write(bot.run(NOW_MS, 20).slice(0, 5), NOW_MS);
    });
    expect(bytes).toBe(statSync(copy).size);
    expect(ledger(copy).length).toBeGreaterThanOrEqual(expected.length);
    expect(store.write(bot.run(NOW_MS, 20), NOW_MS).written).toBe(20);
    store.close();
  });

  test("is private, and a database of ours that can be written to as it is", () => {
    const { store, bot, path } = filled();
    const copy = join(tempDir(), "copy.db");
    backup(path, copy);
    store.close();
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect(pragma(copy, "auto_vacuum")).toBe(2);
    // So that it can be read where WAL does not work, as on a network share.
    expect(pragma(copy, "journal_mode")).toBe("delete");
    const written = new Store({ path: copy, writer: "w", busyTimeoutMs: 1000 });
    written.write(bot.run(NOW_MS, 20), NOW_MS);
    written.close();
    expect(ledger(copy)).toEqual(bot.account());
  });

  test("never overwrites, nor stands beside another database's WAL", () => {
    const { store, path } = filled();
    const copy = join(tempDir(), "copy.db");
    for (const taken of [copy, `${copy}-wal`]) {
      writeFileSync(taken, "precious");
      expect(() => backup(path, copy)).toThrow("is not overwritten");
      expect(readFileSync(taken, "utf8")).toBe("precious");
    }
    store.close();
  });

  test("cleans up after one that was killed, also where it had the same process id, as in containers", () => {
    const { store, path } = filled(20);
    const directory = tempDir();
    const killed = Bun.spawnSync(["true"]).pid;
    for (const pid of [process.pid, killed]) {
      writeFileSync(join(directory, `copy.db.partial-${pid}`), "half");
      writeFileSync(join(directory, `copy.db.partial-${pid}-journal`), "half");
    }
    backup(path, join(directory, "copy.db"));
    expect(readdirSync(directory)).toEqual(["copy.db"]);
    store.close();
  });

  test("to a name that the disk cannot hold is refused with a sentence", () => {
    const { store, path } = filled(20);
    const target = join(tempDir(), "x".repeat(300));
    expect(() => backup(path, target)).toThrow(`Cannot copy to ${target}: ENAMETOOLONG`);
    store.close();
  });

  test("of what is no database of ours is refused with a sentence", () => {
    const path = join(tempDir(), "t.db");
    expect(() => backup(path, `${path}.copy`)).toThrow("There is no database at");
    new Database(path).run("CREATE TABLE x (y)");
    expect(() => backup(path, `${path}.copy`)).toThrow("is not a spanledger database");
  });
});

describe("restoring", () => {
  test("brings the file of the backup back, and leaves the backup as it is", () => {
    const { store, bot, path } = filled();
    const copy = join(tempDir(), "copy.db");
    backup(path, copy);
    store.close();
    const before = readFileSync(copy);
    const target = join(tempDir(), "t.db");
    restore(copy, target);
    expect(ledger(target)).toEqual(bot.account());
    expect(readFileSync(copy).equals(before)).toBe(true);
  });

  test("refuses to put a backup over a database", () => {
    const { store, path } = filled();
    const copy = join(tempDir(), "copy.db");
    backup(path, copy);
    expect(() => restore(copy, path)).toThrow("is not overwritten");
    store.close();
  });

  test("refuses a damaged backup", () => {
    const { store, path } = filled(3000);
    const copy = join(tempDir(), "copy.db");
    backup(path, copy);
    store.close();
    const file = openSync(copy, "r+");
    for (let page = 20; page < 60; page++)
      writeSync(file, Buffer.alloc(2000, 7), 0, 2000, page * 4096);
    closeSync(file);
    expect(() => restore(copy, join(tempDir(), "t.db"))).toThrow(/damaged/);
  });
});
