import type { Database } from "bun:sqlite";
import { APPLICATION_ID } from "./schema.ts";

/** What a file says it is. */
export interface FileIdentity {
  applicationId: number;
  /** How many steps of the schema's ladder it has taken. */
  schemaVersion: number;
  /** Holds no table, index or view: nobody's yet. */
  isEmpty: boolean;
}

/** Whose a file is. `nobody`: a writer gives it WAL mode, and so a first page, before it makes it ours. */
export function ownerOf({
  applicationId,
  schemaVersion,
  isEmpty,
}: FileIdentity): "us" | "nobody" | "stranger" {
  if (applicationId === APPLICATION_ID) return "us";
  return applicationId === 0 && schemaVersion === 0 && isEmpty ? "nobody" : "stranger";
}

function pragma(db: Database, name: string): number {
  const row = db.query(`PRAGMA ${name}`).get() as Record<string, number> | null;
  return row?.[name] ?? 0;
}

/**
 * Reads all of it in one snapshot. Read one by one, a file that another process is just making has no
 * application id and, a moment later, tables: it looked like a stranger's.
 */
export function fileIdentity(db: Database): FileIdentity {
  const read = db.transaction((): FileIdentity => {
    const applicationId = pragma(db, "application_id");
    const schemaVersion = pragma(db, "user_version");
    const { n } = db.query("SELECT count(*) AS n FROM sqlite_schema").get() as { n: number };
    return { applicationId, schemaVersion, isEmpty: n === 0 };
  });
  return read.deferred();
}
