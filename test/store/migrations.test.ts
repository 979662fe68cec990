import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/store/database.ts";
import { MIGRATIONS } from "../../src/store/schema.ts";
import { ledger } from "../support/ledger.ts";
import {
  createSchemaVersion,
  loadSchemaFixture,
  schemaFixturePath,
} from "../support/schema-fixture.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();
const CHILD = join(import.meta.dir, "../support/upkeep-child.ts");

/** Versions that a release left behind in people's files. */
const RELEASED = MIGRATIONS.map((_, index) => index + 1).filter((version) =>
  existsSync(schemaFixturePath(version)),
);

/** What a schema offers: its names and columns, whatever the text that made them. */
function schemaOf(path: string): unknown {
  const db = new Database(path, { readonly: true });
  try {
    const names = db
      .query("SELECT type, name, tbl_name FROM sqlite_schema ORDER BY type, name")
      .all() as { type: string; name: string }[];
    return names.map((row) => ({
      ...row,
      columns:
        row.type === "table" || row.type === "view"
          ? db.query(`SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?)`).all(row.name)
          : [],
    }));
  } finally {
    db.close(true);
  }
}

function freshSchema(): unknown {
  const path = join(tempDir(), "fresh.db");
  openDatabase(path, 1000).close(true);
  return schemaOf(path);
}

describe("a file of an older schema version", () => {
  test("the newest version has its recorded file", () => {
    expect(RELEASED).toContain(MIGRATIONS.length);
  });

  test.each(RELEASED)("%d, as released, is brought up to date and loses nothing", (version) => {
    const path = join(tempDir(), "t.db");
    loadSchemaFixture(path, version);
    const before = ledger(path);
    expect(before.length).toBeGreaterThan(0);
    openDatabase(path, 1000).close(true);
    expect(schemaOf(path)).toEqual(freshSchema());
    expect(ledger(path)).toEqual(before);
  });

  test.each(MIGRATIONS.map((_, index) => index + 1))(
    "%d, by its steps, comes to the same schema as a new file",
    (version) => {
      const path = join(tempDir(), "t.db");
      createSchemaVersion(path, version);
      openDatabase(path, 1000).close(true);
      expect(schemaOf(path)).toEqual(freshSchema());
    },
  );

  test("is migrated once by eight processes at once", async () => {
    const path = join(tempDir(), "t.db");
    createSchemaVersion(path, 1);
    const children = Array.from({ length: 8 }, () =>
      Bun.spawn([process.execPath, CHILD, "migrate", path], { stdout: "ignore", stderr: "pipe" }),
    );
    const results = await Promise.all(
      children.map(async (child) => [await child.exited, await new Response(child.stderr).text()]),
    );
    expect(results.map(([code]) => code)).toEqual(Array.from({ length: 8 }, () => 0));
    expect(schemaOf(path)).toEqual(freshSchema());
    const db = new Database(path, { readonly: true });
    expect(db.query("SELECT count(*) FROM upkeep").values().flat()).toEqual([1]);
    db.close(true);
  }, 60_000);
});
