/** Reads back what a way left in a file of SQLite, which is closed and has nothing beside it then. */
import { Database } from "bun:sqlite";
import type { Stored } from "./way.ts";

/** `sql` gives one row: how many spans that ended, and the sum of the calls' output tokens. */
export async function storedInSqlite(path: string, sql: string): Promise<Stored> {
  const db = new Database(path);
  db.run("PRAGMA wal_checkpoint(TRUNCATE)"); // Some leave their log behind.
  const [[spans, chatOutputTokens] = [0, 0]] = db.prepare(sql).values() as [number, number][];
  db.close(true);
  return { spans, chatOutputTokens: chatOutputTokens ?? 0 };
}
