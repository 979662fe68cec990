/**
 * Opens the database file for writing: creates it private, refuses what is not ours without touching
 * it, sets the pragmas in the one order that works, and migrates.
 */
import { Database } from "bun:sqlite";
import {
  accessSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileIdentity, ownerOf } from "./file-identity.ts";
import { hasMoved } from "./has-moved.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { hasSideFiles } from "./set-aside.ts";
import { StoreError, toStoreError } from "./store-error.ts";

/**
 * SQLITE_OPEN_READWRITE | NOFOLLOW: a symbolic link at the path is refused. Without CREATE, or SQLite
 * would make a file in place of one that is being moved away, and read the -wal of that one into it.
 */
const OPEN_FLAGS = 0x2 | 0x0100_0000;

export const MEMORY_PATH = ":memory:";

/** Absolute, with links in its directory resolved: NOFOLLOW would refuse those too. */
function resolveDatabasePath(path: string): string {
  const absolute = resolve(path);
  mkdirSync(dirname(absolute), { recursive: true, mode: 0o700 });
  return join(realpathSync(dirname(absolute)), basename(absolute));
}

function createPrivateFile(path: string): void {
  if (hasSideFiles(path)) {
    throw new StoreError(
      "busy",
      path,
      `${path} is not there, but its -wal or -shm is: another process may be moving them; it is tried again.`,
    );
  }
  try {
    // -wal and -shm inherit this mode.
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Throws where the file is not ours. An empty file, and an SQLite file without any table, may become ours. */
function checkOwnership(db: Database, path: string): void {
  const identity = fileIdentity(db);
  const { applicationId, schemaVersion } = identity;
  if (ownerOf(identity) === "stranger") {
    throw new StoreError(
      "foreign",
      path,
      `${path} belongs to another program (application_id ${applicationId}); it was not touched. Choose another path with dbPath or TELEMETRY_DB_PATH.`,
    );
  }
  if (schemaVersion > MIGRATIONS.length) {
    throw new StoreError(
      "newer",
      path,
      `${path} has schema version ${schemaVersion}, and this spanledger knows ${MIGRATIONS.length}; it was not touched. Update spanledger, or choose another path.`,
    );
  }
}

/** SQLITE_READONLY_ROLLBACK: a process died within a transaction, and a read-only connection cannot undo it. */
const NEEDS_ROLLBACK = 776;

/** Does what whoever opens such a file has to do before anything in it can be read. */
function rollBack(path: string, busyTimeoutMs: number): void {
  const db = new Database(path, OPEN_FLAGS);
  try {
    db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    db.query("SELECT count(*) FROM sqlite_schema").get();
  } finally {
    db.close(true);
  }
}

function checkReadOnly(path: string, busyTimeoutMs: number): void {
  const db = new Database(path, { readonly: true });
  try {
    db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    checkOwnership(db, path);
  } finally {
    db.close(true);
  }
}

/** Looks first through a read-only connection: a writing one would checkpoint a stranger's WAL at close. */
function refuseForeignFile(path: string, busyTimeoutMs: number): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) {
    throw new StoreError(
      "cannot_open",
      path,
      `${path} is a symbolic link, which is not followed: give the path of the file itself.`,
    );
  }
  if (stat.isDirectory()) {
    throw new StoreError("cannot_open", path, `${path} is a directory; give the path of a file.`);
  }
  // SQLite would open it read-only instead, and make a -shm that stays so when the file no longer is.
  accessSync(path, constants.R_OK | constants.W_OK);
  if (stat.size === 0) return;
  try {
    checkReadOnly(path, busyTimeoutMs);
  } catch (error) {
    if ((error as { errno?: unknown }).errno !== NEEDS_ROLLBACK) throw error;
    rollBack(path, busyTimeoutMs);
    checkReadOnly(path, busyTimeoutMs);
  }
}

const WAL_RETRY_MS = 5;

/**
 * Turns WAL on and gives the journal mode that the file then has. Waits for a process that is just doing
 * the same, which SQLite's own busy timeout does not: it meets that lock in the middle of its work.
 */
function turnWalOn(db: Database, busyTimeoutMs: number): string {
  for (let waitedMs = 0; ; waitedMs += WAL_RETRY_MS) {
    try {
      const row = db.query("PRAGMA journal_mode = WAL").get() as { journal_mode: string };
      return row.journal_mode;
    } catch (error) {
      const isBusy = toStoreError("Cannot open", db.filename, error).kind === "busy";
      if (!isBusy || waitedMs >= busyTimeoutMs) throw error;
      Bun.sleepSync(WAL_RETRY_MS);
    }
  }
}

function configure(db: Database, path: string, busyTimeoutMs: number): void {
  db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  // Before the first table and before WAL, or it stays off until a full VACUUM.
  db.run("PRAGMA auto_vacuum = INCREMENTAL");
  const journalMode = turnWalOn(db, busyTimeoutMs);
  if (journalMode !== "wal" && path !== MEMORY_PATH) {
    throw new StoreError(
      "cannot_open",
      path,
      `${path}: the file system does not allow WAL (journal mode stays ${journalMode}); use a path on a local disk.`,
    );
  }
  db.run("PRAGMA synchronous = NORMAL");
  db.run("PRAGMA trusted_schema = OFF");
  db.run("PRAGMA cell_size_check = ON");
  db.run("PRAGMA temp_store = MEMORY");
  db.run("PRAGMA cache_size = -16384");
  // Checkpoints are ours: SQLite's own would fsync inside whichever commit crosses 1000 pages.
  db.run("PRAGMA wal_autocheckpoint = 0");
  db.run(`PRAGMA journal_size_limit = ${16 * 1024 * 1024}`);
}

/** Between the opening of a file and that of its -wal, another pair may have taken their place. */
function checkPlace(db: Database, path: string): void {
  if (path === MEMORY_PATH || !hasMoved(db)) return;
  const message = `${path} was moved or deleted while it was opened; it is tried again.`;
  throw new StoreError("busy", path, message);
}

/** Brings the schema up to date in one transaction; of several processes at once, one does it. */
export function migrate(db: Database, path: string): void {
  if (fileIdentity(db).schemaVersion === MIGRATIONS.length) return;
  db.transaction(() => {
    checkOwnership(db, path); // Again, inside the lock: another process may have been first.
    for (const step of MIGRATIONS.slice(fileIdentity(db).schemaVersion)) db.run(step);
    db.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.run(`PRAGMA user_version = ${MIGRATIONS.length}`);
  }).immediate();
}

/**
 * Opens `path` for writing, creating directory (0700) and file (0600) as needed.
 * @throws {StoreError} which says what is wrong with the path and what to do.
 */
export function openDatabase(path: string, busyTimeoutMs: number): Database {
  let db: Database | undefined;
  let file = path;
  try {
    if (path !== MEMORY_PATH) {
      file = resolveDatabasePath(path);
      if (!lstatSync(file, { throwIfNoEntry: false })) createPrivateFile(file);
      refuseForeignFile(file, busyTimeoutMs);
    }
    db = new Database(file, OPEN_FLAGS);
    configure(db, file, busyTimeoutMs);
    checkPlace(db, file);
    migrate(db, file);
    return db;
  } catch (error) {
    db?.close(true);
    throw toStoreError("Cannot open", file, error);
  }
}
