import { openExisting } from "./open-existing.ts";
import { type RecordedSettings, recordedSettings } from "./settings.ts";
import { Space } from "./space.ts";
import { toStoreError } from "./store-error.ts";

/** What maintenance would do to a file now. */
export interface MaintenancePlan {
  expiredTraces: number;
  expiredSpans: number;
  /** When the expired traces were last seen; null where there are none. */
  oldestMs: number | null;
  newestMs: number | null;
  liveBytes: number;
  /** By how much the file is above its limit, before anything is purged; 0 where it is not. */
  excessBytes: number;
  /** What is free in the file already. */
  freeBytes: number;
}

/** The settings that the file's host maintains it by. */
export function readSettings(path: string): RecordedSettings {
  const db = openExisting(path);
  try {
    return recordedSettings(db);
  } catch (error) {
    throw toStoreError("Cannot read", path, error);
  } finally {
    db.close(true);
  }
}

/** Looks, and changes nothing. */
export function planMaintenance(
  path: string,
  settings: { retentionMs: number; maxDbBytes: number },
  nowMs: number,
): MaintenancePlan {
  const db = openExisting(path);
  try {
    const expired = db
      .query(
        `SELECT count(*) AS traces, coalesce(sum(spans), 0) AS spans, min(last_seen_ms) AS oldest_ms,
           max(last_seen_ms) AS newest_ms FROM traces WHERE last_seen_ms < ?`,
      )
      .get(nowMs - settings.retentionMs) as Record<string, number | null>;
    const { liveBytes, freePages, pageBytes } = new Space(db).report();
    const { maxDbBytes } = settings;
    return {
      expiredTraces: expired["traces"] ?? 0,
      expiredSpans: expired["spans"] ?? 0,
      oldestMs: expired["oldest_ms"] ?? null,
      newestMs: expired["newest_ms"] ?? null,
      liveBytes,
      excessBytes: maxDbBytes > 0 ? Math.max(0, liveBytes - maxDbBytes) : 0,
      freeBytes: freePages * pageBytes,
    };
  } catch (error) {
    throw toStoreError("Cannot read", path, error);
  } finally {
    db.close(true);
  }
}
