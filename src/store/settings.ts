import type { Database } from "bun:sqlite";

/** The bounds that the host last maintained the file by; null where no host has yet. */
export interface RecordedSettings {
  retentionMs: number | null;
  maxDbBytes: number | null;
}

export function recordedSettings(db: Database): RecordedSettings {
  const row = db.query("SELECT retention_ms, max_db_bytes FROM upkeep").get() as {
    retention_ms: number | null;
    max_db_bytes: number | null;
  } | null;
  return { retentionMs: row?.retention_ms ?? null, maxDbBytes: row?.max_db_bytes ?? null };
}
