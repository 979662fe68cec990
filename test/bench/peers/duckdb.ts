/**
 * The same rows in DuckDB. As a program, `duckdb.ts FILE SQL` answers once and says how many rows it found:
 * what a script that asks DuckDB takes from the shell.
 */
import { Database } from "bun:sqlite";
import { closeSync, openSync, writeSync } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";
import { BY_MODEL, type Question, SINCE_MS, SUMS } from "../cost-questions.ts";

/** @param source `usage`, or a file of the same columns. */
export function duckdbSql(question: Question, source: string): string {
  return question === BY_MODEL
    ? `SELECT u.model, ${SUMS} FROM ${source} u
       WHERE u.counted = 1 AND u.ended_ms >= ${SINCE_MS} GROUP BY 1`
    : `SELECT strftime(make_timestamp(u.ended_ms * 1000), '%Y-%m-%d'), u.repo, ${SUMS}
       FROM ${source} u WHERE u.counted = 1 GROUP BY 1, 2`;
}

/** The repository beside each row, so that it has nothing to join; sorted by time, as it likes best. */
const ROWS = `SELECT u.execution_id, u.ended_ms, e.repo, u.model, u.counted, u.input_tokens,
  u.cache_read_tokens, u.cache_creation_tokens, u.output_tokens, u.cost_nano_usd
  FROM usage_rows u LEFT JOIN executions e ON e.id = u.execution_id ORDER BY u.ended_ms`;

function writeCsv(ledgerPath: string, path: string): void {
  const ledger = new Database(ledgerPath, { readonly: true });
  const file = openSync(path, "w");
  const statement = ledger.prepare(ROWS);
  const rows = statement.values();
  writeSync(file, `${statement.columnNames.join()}\n`);
  for (let at = 0; at < rows.length; at += 1000) {
    writeSync(file, `${rows.slice(at, at + 1000).join("\n")}\n`);
  }
  closeSync(file);
  statement.finalize();
  ledger.close(true);
}

type Connection = Awaited<ReturnType<DuckDBInstance["connect"]>>;

export class DuckDb {
  readonly #instance: DuckDBInstance;
  readonly #connection: Connection;

  private constructor(instance: DuckDBInstance, connection: Connection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(path: string): Promise<DuckDb> {
    const instance = await DuckDBInstance.create(path);
    return new DuckDb(instance, await instance.connect());
  }

  async rows(sql: string): Promise<unknown[][]> {
    return (await this.#connection.runAndReadAll(sql)).getRows();
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

/** Its own table `usage`, and a Parquet file beside it. */
export async function fillDuckDb(path: string, ledgerPath: string): Promise<void> {
  writeCsv(ledgerPath, `${path}.csv`);
  const db = await DuckDb.open(path);
  await db.rows(`CREATE TABLE usage AS SELECT * FROM read_csv('${path}.csv')`);
  await db.rows(`COPY usage TO '${path}.parquet' (FORMAT parquet)`);
  await db.rows("CHECKPOINT");
  db.close();
}

if (import.meta.main) {
  const [path = "", sql = ""] = process.argv.slice(2);
  const db = await DuckDb.open(path);
  console.log((await db.rows(sql)).length);
  db.close();
}
