/**
 * The reading side of the file: a read-only connection beside any writer, which it never blocks. Every
 * query is short; several that belong together run in one snapshot.
 */
import { Database, SQLiteError, type SQLQueryBindings } from "bun:sqlite";
import { existsSync, statSync } from "node:fs";
import { fileIdentity } from "./file-identity.ts";
import { checkOwner } from "./open-existing.ts";
import { MIGRATIONS } from "./schema.ts";
import { firstWord, isSeveral } from "./sql-text.ts";
import { StoreError, toStoreError } from "./store-error.ts";

const BUSY_TIMEOUT_MS = 2000;

function checkPath(path: string): void {
  if (path.trim() === "") throw new StoreError("cannot_open", path, "The path is blank.");
  if (!existsSync(path)) {
    throw new StoreError(
      "cannot_open",
      path,
      `There is no database at ${path} yet. Run something with telemetry first, or name another file.`,
    );
  }
  if (statSync(path).isDirectory()) {
    throw new StoreError("cannot_open", path, `${path} is a directory; give the path of a file.`);
  }
}

function checkVersion(db: Database, path: string): void {
  const identity = fileIdentity(db);
  const { schemaVersion: version } = identity;
  checkOwner(identity, path);
  const known = MIGRATIONS.length;
  if (version > known) {
    const message = `${path} has schema version ${version}, and this spanledger knows ${known}: update spanledger.`;
    throw new StoreError("newer", path, message);
  }
  if (version < known) {
    const message = `${path} has the older schema version ${version}: start the host once, or run spanledger maintain, to bring it to ${known}.`;
    throw new StoreError("older", path, message);
  }
}

/** A person's own SQL that cannot be run. */
export class SqlError extends Error {
  override readonly name = "SqlError";
}

/** What a person asked for; integers beyond 2^53 are bigints. */
export interface QueryResult {
  columns: string[];
  rows: (string | number | bigint | Uint8Array | null)[][];
}

/** What only reads the file, and no other: ATTACH and PRAGMA do more, even read-only. */
const ASKING_WORDS: readonly string[] = ["select", "with", "values", "explain"];

function narrow(value: QueryResult["rows"][number][number]): typeof value {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** A read-only look at one file. Close it when done. */
export class Reader implements Disposable {
  readonly path: string;
  readonly #db: Database;

  /** @throws {StoreError} that says what the file is instead, and what to do. */
  constructor(path: string) {
    checkPath(path);
    this.path = path;
    let db: Database | undefined;
    try {
      db = new Database(path, { readonly: true });
      db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      db.run("PRAGMA trusted_schema = OFF");
      checkVersion(db, path);
    } catch (error) {
      db?.close(true);
      throw toStoreError("Cannot read", path, error);
    }
    this.#db = db;
  }

  /** All rows of a query. Integers beyond 2^53 lose precision; money and tokens stay far below. */
  all<T>(sql: string, ...params: SQLQueryBindings[]): T[] {
    const statement = this.#db.prepare<T, SQLQueryBindings[]>(sql);
    try {
      return statement.all(...params);
    } finally {
      statement.finalize();
    }
  }

  /** All rows of a query as arrays, in the order of its columns. */
  values(sql: string, ...params: SQLQueryBindings[]): unknown[][] {
    const statement = this.#db.prepare<unknown, SQLQueryBindings[]>(sql);
    try {
      return statement.values(...params);
    } finally {
      statement.finalize();
    }
  }

  /**
   * Runs one statement of a person's own SQL, which can read this file and nothing else.
   * @throws {SqlError} that says what is wrong with it.
   */
  query(sql: string): QueryResult {
    if (!ASKING_WORDS.includes(firstWord(sql))) {
      throw new SqlError("Only queries are run here: SELECT, WITH, VALUES or EXPLAIN.");
    }
    if (isSeveral(sql)) throw new SqlError("Only one statement is run at a time.");
    try {
      const statement = this.#db.prepare<unknown, []>(sql);
      try {
        if (!statement.readonly)
          throw new SqlError("This statement writes; the file is only read.");
        const rows = statement.safeIntegers(true).values() as QueryResult["rows"];
        return { columns: statement.columnNames, rows: rows.map((row) => row.map(narrow)) };
      } finally {
        statement.finalize();
      }
    } catch (error) {
      if (error instanceof SqlError || !(error instanceof SQLiteError)) throw error;
      throw new SqlError(`SQLite says: ${error.message}.`, { cause: error });
    }
  }

  /** Runs several queries on one state of the file. Keep it short: a snapshot holds the WAL back. */
  snapshot<T>(read: () => T): T {
    return this.#db.transaction(read).deferred();
  }

  close(): void {
    this.#db.close(true);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens a database for reading, beside whoever writes to it.
 * @throws {StoreError} that says what the file is instead, and what to do.
 */
export function openReader(path: string): Reader {
  return new Reader(path);
}
