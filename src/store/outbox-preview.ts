/** What a forwarder would send, looked at through a read-only connection that changes nothing. */
import { Database } from "bun:sqlite";
import { toStoreError } from "./store-error.ts";

export interface OutboxPreview {
  spans: number;
  /** When the earliest and the latest of them ended, in milliseconds since 1970; null without spans. */
  firstEndMs: number | null;
  lastEndMs: number | null;
}

/** A file that was never forwarded from may not have the table yet. */
function cursorOf(db: Database, url: string): number {
  const hasTable = db
    .query("SELECT 1 FROM sqlite_schema WHERE name = 'forward_destinations'")
    .get();
  if (!hasTable) return 0;
  const row = db.query("SELECT cursor FROM forward_destinations WHERE url = ?").get(url);
  return (row as { cursor: number } | null)?.cursor ?? 0;
}

function cursorAt(db: Database, sinceMs: number): number {
  const row = db
    .query("SELECT min(id) AS id FROM span_rows WHERE start_ns + duration_ns >= ? * 1000000")
    .get(Math.ceil(sinceMs)) as { id: number | null };
  return row.id === null ? Number.MAX_SAFE_INTEGER : row.id - 1;
}

/**
 * What is stored behind the cursor of `url`, or, with `sinceMs`, from the first span on that ended then.
 * @throws {StoreError} where the file cannot be read.
 */
export function previewOutbox(path: string, url: string, sinceMs: number | null): OutboxPreview {
  let db: Database | undefined;
  try {
    db = new Database(path, { readonly: true });
    db.run("PRAGMA busy_timeout = 2000");
    const cursor = sinceMs === null ? cursorOf(db, url) : cursorAt(db, sinceMs);
    return db
      .query(
        `SELECT count(*) AS spans, min((start_ns + duration_ns) / 1000000) AS firstEndMs,
           max((start_ns + duration_ns) / 1000000) AS lastEndMs FROM span_rows WHERE id > ?`,
      )
      .get(cursor) as OutboxPreview;
  } catch (error) {
    throw toStoreError("Cannot read", path, error);
  } finally {
    db?.close(true);
  }
}
