import { Database } from "bun:sqlite";
import { accessSync, constants, type Stats, statSync } from "node:fs";
import { type FileIdentity, fileIdentity } from "./file-identity.ts";
import { APPLICATION_ID } from "./schema.ts";
import { StoreError, toStoreError } from "./store-error.ts";

const BUSY_TIMEOUT_MS = 5000;

function nothingWrittenYet(path: string): StoreError {
  const message = `${path} is empty: nothing was written to it yet.`;
  return new StoreError("cannot_open", path, message);
}

function unreadable(path: string, cause: unknown): StoreError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code !== "EACCES" && code !== "EPERM") return toStoreError("Cannot read", path, cause);
  const message = `${path} may not be read by this user: look at the permissions of the file and its directory.`;
  return new StoreError("cannot_open", path, message, cause);
}

/** Null where there is nothing; a link that leads nowhere is nothing. */
function statReadable(path: string): Stats | null {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat) accessSync(path, constants.R_OK);
    return stat ?? null;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** @throws {StoreError} where no database can be at the path, which says what is there instead. */
export function checkPath(path: string): void {
  if (path.trim() === "") throw new StoreError("cannot_open", path, "The path is blank.");
  const stat = statReadable(path);
  if (!stat) {
    const message = `There is no database at ${path} yet. Run something with telemetry first, or name another file.`;
    throw new StoreError("cannot_open", path, message);
  }
  if (stat.isDirectory()) {
    const message = `${path} is a directory; give the path of a file.`;
    throw new StoreError("cannot_open", path, message);
  }
  if (stat.size === 0) throw nothingWrittenYet(path);
}

/** @throws {StoreError} where the file is another program's, or nobody's yet. */
export function checkIsOurs(db: Database, path: string): FileIdentity {
  const identity = fileIdentity(db);
  if (identity.applicationId === APPLICATION_ID) return identity;
  // A writer gives the file WAL mode, and so a first page, before it makes it ours.
  const isNobodys = identity.applicationId === 0 && identity.schemaVersion === 0;
  if (isNobodys && identity.isEmpty) throw nothingWrittenYet(path);
  const message = `${path} is not a spanledger database; name another file.`;
  throw new StoreError("foreign", path, message);
}

/**
 * Opens a file of ours, of any schema version, read-only.
 * @throws {StoreError} that says what the file is instead, and what to do.
 */
export function openExisting(path: string): Database {
  checkPath(path);
  let db: Database | undefined;
  try {
    db = new Database(path, { readonly: true });
    db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    db.run("PRAGMA trusted_schema = OFF");
    db.run("PRAGMA cell_size_check = ON");
    checkIsOurs(db, path);
    return db;
  } catch (error) {
    db?.close(true);
    throw toStoreError("Cannot open", path, error);
  }
}
