import type { Database } from "bun:sqlite";
import { fileIdentity } from "./file-identity.ts";
import { MIGRATIONS } from "./schema.ts";
import { toStoreError } from "./store-error.ts";

/** Rows that refer to nothing: SQLite's own check does not look for them. */
const STRAYS: Readonly<Record<string, string>> = {
  "spans without their names": `SELECT count(*) AS n FROM span_rows
    WHERE shape_id NOT IN (SELECT id FROM span_shapes)`,
  "spans without a trace": `SELECT count(*) AS n FROM span_rows s
    WHERE NOT EXISTS (SELECT 1 FROM traces t WHERE t.id = s.trace_no)
      AND NOT EXISTS (SELECT 1 FROM purged_spans p WHERE p.trace_no = s.trace_no)`,
  "usage without a trace": `SELECT count(*) AS n FROM usage_rows
    WHERE trace_no NOT IN (SELECT id FROM traces)`,
  "runs without a trace": `SELECT count(*) AS n FROM executions
    WHERE trace_no NOT IN (SELECT id FROM traces)`,
};

const MAX_PROBLEMS = 10;

/**
 * What is wrong with the file's pages and indexes, and in a file of our schema version with what its
 * rows refer to; empty where nothing is. Reads all of the file.
 */
export function integrityProblems(db: Database): string[] {
  try {
    return foundProblems(db);
  } catch (cause) {
    // Some damage is found by the check, some stops it.
    const error = toStoreError("Cannot check", db.filename, cause);
    if (error.kind === "corrupt") return [error.message];
    throw error;
  }
}

function foundProblems(db: Database): string[] {
  const rows = db.query(`PRAGMA integrity_check(${MAX_PROBLEMS})`).values().flat().map(String);
  if (rows.length !== 1 || rows[0] !== "ok") return rows;
  if (fileIdentity(db).schemaVersion !== MIGRATIONS.length) return [];
  return Object.entries(STRAYS).flatMap(([what, sql]) => {
    const { n } = db.query(sql).get() as { n: number };
    return n === 0 ? [] : [`${n} ${what}`];
  });
}

/**
 * Whether this SQLite can lose pages when two connections checkpoint and write at once: all versions
 * before 3.51.3 but for 3.50.7 and 3.44.6, https://sqlite.org/wal.html#walresetbug
 */
export function hasWalResetBug(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (major !== 3 || minor > 51) return major < 3;
  if (minor === 51) return patch < 3;
  if (minor === 50) return patch < 7;
  return minor !== 44 || patch < 6;
}
