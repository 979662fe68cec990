import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { backup } from "../../src/store/backup.ts";
import { diagnose } from "../../src/store/diagnosis.ts";
import { MIGRATIONS } from "../../src/store/schema.ts";
import { Store } from "../../src/store/store.ts";
import { BusyBot } from "../support/busy-bot.ts";
import { ledger } from "../support/ledger.ts";
import { createSchemaVersion } from "../support/schema-fixture.ts";
import { NOW_MS } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();
const CHILD = join(import.meta.dir, "../support/upkeep-child.ts");
/** More kills for a longer look: `KILLS=100 bun test test/store/killed.test.ts`. */
const KILLS = Number(process.env["KILLS"] ?? 3);
const TIMEOUT_MS = 60_000 + KILLS * 2000;
const LATER_MS = NOW_MS + 3_600_000 * 2;

/** A closed file, so that it may be copied: no connection of this process has it open. */
function filledFile(spans: number): string {
  const path = join(tempDir(), "t.db");
  const store = new Store({ path, writer: "past", busyTimeoutMs: 1000 });
  const bot = new BusyBot(spans);
  while (bot.spans < spans) {
    store.write(Array.from({ length: 25 }, () => bot.run(NOW_MS, 20)).flat(), NOW_MS);
  }
  store.close();
  return path;
}

/** Starts the work on `path`, and kills it `afterMs` after it began, unless it is done by then. */
async function killAmid(work: string, path: string, other: string, afterMs: number): Promise<void> {
  const child = Bun.spawn([process.execPath, CHILD, work, path, other, String(LATER_MS)], {
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toContain("begun");
  await Promise.race([Bun.sleep(afterMs), child.exited]);
  child.kill("SIGKILL");
  await child.exited;
}

describe("kill -9 in the middle", () => {
  test(
    "of purging and giving space back: nothing is lost, and the next process goes on",
    async () => {
      const original = filledFile(4000);
      const expected = ledger(original);
      for (let kill = 0; kill < KILLS; kill++) {
        const path = join(tempDir(), "t.db");
        copyFileSync(original, path);
        for (let life = 0; life < 2; life++) {
          await killAmid("maintain", path, "", ((kill * 2 + life) * 37) % 150);
          expect(diagnose(path, LATER_MS).integrity).toEqual([]);
          expect(ledger(path)).toEqual(expected);
        }
        const store = new Store({ path, writer: "next", busyTimeoutMs: 1000 });
        const maintainer = store.maintainer({ retentionMs: 1, maxDbBytes: 0, isCommand: true });
        while (maintainer.step(LATER_MS).didWork);
        store.close();
        expect(diagnose(path, LATER_MS).contents).toMatchObject({ traces: 0, spans: 0, runs: 0 });
        expect(ledger(path)).toEqual(expected);
      }
    },
    TIMEOUT_MS,
  );

  test(
    "of a checkpoint: what was committed is there",
    async () => {
      const path = filledFile(1000);
      const expected = ledger(path);
      for (let kill = 0; kill < KILLS; kill++) {
        await killAmid("checkpoint", path, "", (kill * 13) % 60);
        expect(diagnose(path, LATER_MS).integrity).toEqual([]);
        expect(ledger(path)).toEqual(expected);
      }
    },
    TIMEOUT_MS,
  );

  test(
    "of a backup: it is whole or not there, and the next one cleans up",
    async () => {
      const path = filledFile(3000);
      const expected = ledger(path);
      const directory = tempDir();
      const copy = join(directory, "copy.db");
      for (let kill = 0; kill < KILLS; kill++) {
        await killAmid("backups", path, copy, (kill * 29) % 120);
        if (existsSync(copy)) expect(ledger(copy)).toEqual(expected);
        expect(diagnose(path, LATER_MS).integrity).toEqual([]);
      }
      rmSync(copy, { force: true });
      backup(path, copy);
      expect(ledger(copy)).toEqual(expected);
      expect(readdirSync(directory)).toEqual(["copy.db"]);
    },
    TIMEOUT_MS,
  );

  test(
    "of a migration: the file is old or new",
    async () => {
      for (let kill = 0; kill < KILLS; kill++) {
        const path = join(tempDir(), "t.db");
        createSchemaVersion(path, 1);
        await killAmid("migrate", path, "", kill % 4);
        const db = new Database(path, { readonly: true });
        const [version] = db.query("PRAGMA user_version").values().flat();
        expect([1, MIGRATIONS.length]).toContain(Number(version));
        const tables = db
          .query("SELECT count(*) FROM sqlite_schema WHERE name = 'upkeep'")
          .values();
        expect(tables.flat()).toEqual([version === 1 ? 0 : 1]);
        expect(db.query("PRAGMA integrity_check").values().flat()).toEqual(["ok"]);
        db.close(true);
      }
    },
    TIMEOUT_MS,
  );
});
