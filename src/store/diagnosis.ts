/** What can be said of a database file without changing it, and what needs a person. */
import type { Database } from "bun:sqlite";
import { lstatSync, realpathSync, type Stats, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { fileHolders } from "./file-holders.ts";
import { fileIdentity } from "./file-identity.ts";
import { networkFileSystemName } from "./file-system.ts";
import { hasWalResetBug, integrityProblems } from "./integrity.ts";
import { openExisting } from "./open-existing.ts";
import { MIGRATIONS } from "./schema.ts";
import { recordedSettings } from "./settings.ts";
import { Space } from "./space.ts";
import { toStoreError } from "./store-error.ts";

export interface Contents {
  traces: number;
  spans: number;
  runs: number;
  /** When the oldest and the newest trace were last seen. */
  oldestMs: number | null;
  newestMs: number | null;
  /** Days and groups that purged traces left behind. */
  dailyRows: number;
  writtenSpans: number;
  /** By reason: all there ever were, and those of the last seven days. */
  droppedSpans: Record<string, number>;
  recentlyDroppedSpans: Record<string, number>;
  /** As the host last said; null: no host has maintained the file yet. */
  retentionMs: number | null;
  maxDbBytes: number | null;
  maintainer: string | null;
}

export interface Diagnosis {
  path: string;
  fileBytes: number;
  liveBytes: number;
  freeBytes: number;
  walBytes: number;
  diskFreeBytes: number;
  schemaVersion: number;
  knownSchemaVersion: number;
  sqliteVersion: string;
  /** The name of the network file system that the file is on, else null. */
  networkFileSystem: string | null;
  fileMode: string;
  directoryMode: string;
  openIn: string[];
  /** Null where the schema is another version's. */
  contents: Contents | null;
  integrity: string[];
  /** What needs a person: sentences that say what to do. */
  findings: string[];
}

const DAY_MS = 86_400_000;
const MEBIBYTE = 1_048_576;
const MAX_WAL_BYTES = 64 * MEBIBYTE;
const MIN_DISK_FREE_BYTES = 64 * MEBIBYTE;
/** Maintenance is late, not just slow. */
const OVERDUE_MS = 2 * DAY_MS;

function droppedSpans(db: Database, since: string): Record<string, number> {
  const rows = db
    .query(
      `SELECT reason, sum(spans) AS spans FROM exporter_health
       WHERE outcome = 'dropped' AND last_at >= ? GROUP BY 1`,
    )
    .all(since) as { reason: string; spans: number }[];
  return Object.fromEntries(rows.map(({ reason, spans }) => [reason, spans]));
}

function contentsOf(db: Database, nowMs: number): Contents {
  const counts = db
    .query(
      `SELECT (SELECT count(*) FROM traces) AS traces, (SELECT count(*) FROM spans) AS spans,
         (SELECT count(*) FROM executions) AS runs, (SELECT count(*) FROM usage_daily) AS dailyRows,
         (SELECT min(last_seen_ms) FROM traces) AS oldestMs,
         (SELECT max(last_seen_ms) FROM traces) AS newestMs,
         (SELECT coalesce(sum(spans), 0) FROM exporter_health WHERE outcome = 'written') AS writtenSpans,
         (SELECT holder FROM upkeep WHERE lease_until_ms > ?) AS maintainer`,
    )
    .get(nowMs) as Omit<Contents, "droppedSpans" | "recentlyDroppedSpans">;
  const lastWeek = new Date(nowMs - 7 * DAY_MS).toISOString().slice(0, 19).replace("T", " ");
  return {
    ...counts,
    ...recordedSettings(db),
    droppedSpans: droppedSpans(db, ""),
    recentlyDroppedSpans: droppedSpans(db, lastWeek),
  };
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

const STICKY = 0o1000;

function modeOf(path: string): string {
  return ((statOf(path)?.mode ?? 0) & 0o1777).toString(8).padStart(3, "0");
}

/** What others could do to a file in a directory that they may write to. */
function directoryFinding({ path, directoryMode }: Omit<Diagnosis, "findings">): string[] {
  const mode = Number.parseInt(directoryMode, 8);
  if ((mode & 0o022) === 0) return [];
  const its = `its directory has mode ${directoryMode}`;
  // In a place like /tmp they can replace no file of ours, but make one that is not there.
  return (mode & STICKY) === 0
    ? [`Others may replace ${path} (${its}): run chmod go-w on the directory.`]
    : [`Others may put a -wal beside ${path} (${its}): move it to a directory of its own.`];
}

/** Sentences about the place where the file is. */
function placeFindings(d: Omit<Diagnosis, "findings">): string[] {
  const findings: string[] = [];
  if (Number.parseInt(d.fileMode, 8) & 0o077) {
    findings.push(`Others may read ${d.path} (mode ${d.fileMode}): run chmod 600 '${d.path}'*.`);
  }
  findings.push(...directoryFinding(d));
  if (d.networkFileSystem) {
    findings.push(
      `${d.path} is on a network file system (${d.networkFileSystem}), where SQLite's WAL can lose data: move it to a local disk with spanledger backup, and keep only backups on the share.`,
    );
  }
  if (hasWalResetBug(d.sqliteVersion)) {
    findings.push(
      `SQLite ${d.sqliteVersion} has the WAL-reset bug, which can lose pages when several processes write: update it to 3.51.3 or later, and until then let one process alone use the file.`,
    );
  }
  if (d.diskFreeBytes < Math.max(MIN_DISK_FREE_BYTES, 2 * d.walBytes)) {
    findings.push(
      `The disk has only ${Math.round(d.diskFreeBytes / MEBIBYTE)} MiB left: free some, or writing will stop.`,
    );
  }
  return findings;
}

/** Sentences about the file and what is in it. */
function fileFindings(d: Omit<Diagnosis, "findings">, nowMs: number): string[] {
  const findings: string[] = [];
  if (d.integrity.length > 0) {
    findings.push(
      `${d.path} is damaged (${d.integrity[0]}): stop what writes to it, move it away with its -wal and -shm, and bring a backup back with spanledger restore.`,
    );
  }
  if (d.schemaVersion > d.knownSchemaVersion) {
    findings.push(
      `${d.path} has schema version ${d.schemaVersion}, and this spanledger knows ${d.knownSchemaVersion}: update spanledger.`,
    );
  }
  if (d.walBytes > MAX_WAL_BYTES) {
    findings.push(
      `The WAL has ${Math.round(d.walBytes / MEBIBYTE)} MiB: a reader holds on to an old snapshot, or nothing checkpoints. End that reader (the file is open in ${d.openIn.join(", ") || "no process that can be seen"}), or run spanledger maintain.`,
    );
  }
  const { contents } = d;
  if (!contents) return findings;
  const { oldestMs, retentionMs, maxDbBytes } = contents;
  const isOverdue =
    oldestMs !== null && retentionMs !== null && oldestMs < nowMs - retentionMs - OVERDUE_MS;
  const isTooLarge = maxDbBytes !== null && maxDbBytes > 0 && d.liveBytes > maxDbBytes;
  if (isOverdue || isTooLarge) {
    findings.push(
      `Nothing has maintained the file for a while (${isOverdue ? "traces beyond its retention" : "more than its limit"} are in it): run spanledger maintain.`,
    );
  }
  for (const [reason, spans] of Object.entries(contents.recentlyDroppedSpans)) {
    findings.push(
      `${spans} spans were dropped in the last seven days (${reason}): the host's log says why, and reports are a lower bound.`,
    );
  }
  return findings;
}

/**
 * Looks at everything, and changes nothing. Reads the whole file once, for its integrity.
 * @throws {StoreError} where there is no database of ours at `path`, or it cannot be read at all.
 */
export function diagnose(path: string, nowMs: number): Diagnosis {
  const db = openExisting(path);
  try {
    const { schemaVersion } = fileIdentity(db);
    const { version } = db.query("SELECT sqlite_version() AS version").get() as { version: string };
    const integrity = integrityProblems(db);
    const isReadable = schemaVersion === MIGRATIONS.length && integrity.length === 0;
    const { fileBytes, liveBytes, freePages, pageBytes } = new Space(db).report();
    const directory = dirname(realpathSync(path));
    const disk = statfsSync(directory);
    const diagnosis = {
      path,
      fileBytes,
      liveBytes,
      freeBytes: freePages * pageBytes,
      walBytes: statOf(`${path}-wal`)?.size ?? 0,
      diskFreeBytes: disk.bavail * disk.bsize,
      schemaVersion,
      knownSchemaVersion: MIGRATIONS.length,
      sqliteVersion: version,
      networkFileSystem: networkFileSystemName(disk.type),
      fileMode: modeOf(path),
      directoryMode: modeOf(directory),
      openIn: fileHolders(realpathSync(path))
        .filter(({ pid }) => pid !== process.pid)
        .map(({ pid, name }) => `${pid} (${name})`),
      contents: isReadable ? contentsOf(db, nowMs) : null,
      integrity,
    };
    const findings = [...fileFindings(diagnosis, nowMs), ...placeFindings(diagnosis)];
    return { ...diagnosis, findings };
  } catch (error) {
    throw toStoreError("Cannot read", path, error);
  } finally {
    db.close(true);
  }
}
