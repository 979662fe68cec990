import { Database } from "bun:sqlite";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { APPLICATION_ID, MIGRATIONS } from "../../src/store/schema.ts";

const DIRECTORY = join(import.meta.dir, "../fixtures/schema");

/** The recorded file of a schema version, as SQL. */
export function schemaFixturePath(version: number): string {
  return join(DIRECTORY, `v${version}.sql`);
}

function create(path: string, version: number, fill: (db: Database) => void): void {
  const db = new Database(path, { create: true, readwrite: true });
  db.run("PRAGMA auto_vacuum = INCREMENTAL");
  db.run("PRAGMA journal_mode = WAL");
  db.transaction(() => fill(db))();
  db.run(`PRAGMA application_id = ${APPLICATION_ID}`);
  db.run(`PRAGMA user_version = ${version}`);
  db.close(true);
}

/** A file as that version of the schema left it, with the rows of its fixture. */
export function loadSchemaFixture(path: string, version: number): void {
  create(path, version, (db) => db.run(readFileSync(schemaFixturePath(version), "utf8")));
}

/** An empty file of a version, by the steps that lead to it. */
export function createSchemaVersion(path: string, version: number): void {
  create(path, version, (db) => {
    for (const step of MIGRATIONS.slice(0, version)) db.run(step);
  });
}

interface SchemaRow {
  type: string;
  name: string;
  sql: string;
}

function quoted(db: Database, table: string): string[] {
  const columns = (db.query(`PRAGMA table_info(${table})`).all() as { name: string }[]).map(
    ({ name }) => name,
  );
  const values = columns.map((name) => `quote("${name}")`).join(" || ', ' || ");
  const rows = db.query(`SELECT ${values} AS line FROM ${table}`).all() as { line: string }[];
  return rows.map(({ line }) => `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${line});`);
}

/** A whole file as SQL: tables, rows, then what hangs on them. */
export function dumpSql(path: string): string {
  const db = new Database(path, { readonly: true });
  try {
    const schema = db
      .query("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
      .all() as SchemaRow[];
    const tables = schema.filter(
      ({ type, name }) => type === "table" && !name.startsWith("sqlite_"),
    );
    const others = schema.filter(({ type }) => type !== "table");
    return `${[
      ...tables.map(({ sql }) => `${sql};`),
      ...tables.flatMap(({ name }) => quoted(db, name)),
      ...others.map(({ sql }) => `${sql};`),
    ].join("\n")}\n`;
  } finally {
    db.close(true);
  }
}
