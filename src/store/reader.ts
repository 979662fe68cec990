/**
 * The reading side of the file: a read-only connection beside any writer, which it never blocks. Every
 * query is short; several that belong together run in one snapshot.
 */
import { Database, SQLiteError, type SQLQueryBindings, type Statement } from "bun:sqlite";
import { checkIsOurs, checkPath } from "./open-existing.ts";
import { MIGRATIONS } from "./schema.ts";
import { firstWord, statementsOf } from "./sql-text.ts";
import { StoreError, toStoreError } from "./store-error.ts";

const BUSY_TIMEOUT_MS = 2000;

function checkVersion(version: number, path: string): void {
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
  rows: Cell[][];
}

type Cell = string | number | bigint | Uint8Array | null;

/** What only reads the file, and no other: ATTACH and PRAGMA do more, even read-only. */
const ASKING_WORDS: readonly string[] = ["select", "with", "values", "explain"];

/** What a query may answer: what a process can hold, and more than anybody reads. */
const MAX_ROWS = 1_000_000;
const MAX_LENGTH = 256 * 1024 * 1024;

type AnyStatement = Statement<unknown, SQLQueryBindings[]>;

function narrow(value: Cell): Cell {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function lengthOf(cell: Cell): number {
  return typeof cell === "string" || cell instanceof Uint8Array ? cell.length : 8;
}

/** All rows, one by one, so that an answer without an end has one. */
function boundedRows(statement: AnyStatement): Cell[][] {
  const { columnNames } = statement;
  const rows: Cell[][] = [];
  let length = 0;
  for (const row of statement.safeIntegers(true).iterate()) {
    const cells = columnNames.map((name) => narrow((row as Record<string, Cell>)[name] ?? null));
    for (const cell of cells) length += lengthOf(cell);
    rows.push(cells);
    if (rows.length > MAX_ROWS || length > MAX_LENGTH) {
      throw new SqlError(
        "The answer has more than 1,000,000 rows, or more than 256 MiB: add a LIMIT, or choose fewer columns.",
      );
    }
  }
  return rows;
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
      checkVersion(checkIsOurs(db, path).schemaVersion, path);
    } catch (error) {
      db?.close(true);
      throw toStoreError("Cannot read", path, error);
    }
    this.#db = db;
  }

  /**
   * All rows of a query. Integers beyond 2^53 lose precision; money and tokens stay far below.
   * @throws {StoreError} where the file is damaged, or its disk fails.
   */
  all<T>(sql: string, ...params: SQLQueryBindings[]): T[] {
    return this.#readOwn(sql, (statement) => statement.all(...params) as T[]);
  }

  /**
   * All rows of a query as arrays, in the order of its columns.
   * @throws {StoreError} as `all`.
   */
  values(sql: string, ...params: SQLQueryBindings[]): unknown[][] {
    return this.#readOwn(sql, (statement) => statement.values(...params));
  }

  /** Our own SQL is right, so that what fails is the file. A report asks the same of several ranges. */
  #readOwn<T>(sql: string, read: (statement: AnyStatement) => T): T {
    try {
      return read(this.#db.query<unknown, SQLQueryBindings[]>(sql)); // Remembers a few.
    } catch (error) {
      if (!(error instanceof SQLiteError)) throw error;
      throw toStoreError("Cannot read", this.path, error);
    }
  }

  #read<T>(sql: string, read: (statement: AnyStatement) => T): T {
    const statement = this.#db.prepare<unknown, SQLQueryBindings[]>(sql);
    try {
      return read(statement);
    } finally {
      statement.finalize();
    }
  }

  /**
   * Runs one statement of a person's own SQL, which can read this file and nothing else.
   * @throws {SqlError} that says what is wrong with it.
   */
  query(sql: string): QueryResult {
    const [statement = "", ...others] = statementsOf(sql);
    if (others.length > 0) throw new SqlError("Only one statement is run at a time.");
    if (!ASKING_WORDS.includes(firstWord(statement))) {
      throw new SqlError("Only queries are run here: SELECT, WITH, VALUES or EXPLAIN.");
    }
    try {
      return this.#ask(statement);
    } catch (error) {
      if (!(error instanceof SQLiteError)) throw error;
      throw new SqlError(`SQLite says: ${error.message}.`, { cause: error });
    }
  }

  #ask(sql: string): QueryResult {
    return this.#read(sql, (statement) => {
      if (!statement.readonly) throw new SqlError("This statement writes; the file is only read.");
      const columns = statement.columnNames;
      if (new Set(columns).size === columns.length)
        return { columns, rows: boundedRows(statement) };
      // Rows come as objects, so their columns need names of their own: as a table's, they get them.
      const rows = this.#read(`SELECT * FROM (${sql}\n)`, boundedRows);
      return { columns, rows };
    });
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
