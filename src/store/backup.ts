/**
 * Copies of the file, made through SQLite alone: a copy with a file API misses what is still in the
 * WAL, and takes the locks of every connection in its process away.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { integrityProblems } from "./integrity.ts";
import { openExisting } from "./open-existing.ts";
import { Space } from "./space.ts";
import { StoreError, toStoreError } from "./store-error.ts";

/** What is being written, for whoever shows progress: `path` grows to about `bytes`. */
export interface CopyInProgress {
  path: string;
  bytes: number;
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Whether another process of this id lives; one of our own id is an earlier one, as in a container. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** What copies to the same path left behind when they were killed, journals included. */
function removeAbandoned(directory: string, prefix: string): void {
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (Number.isInteger(pid) && !isAlive(pid)) rmSync(join(directory, name), { force: true });
  }
}

/** What cannot be removed now, as on a read-only disk, is abandoned: the failure before it is the one to tell of. */
function discard(partial: string): void {
  for (const suffix of ["", "-journal"]) {
    try {
      rmSync(partial + suffix, { force: true });
    } catch {}
  }
}

function sync(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Gives the finished copy its name at once and whole, unless that name was taken meanwhile. */
function publish(partial: string, target: string): void {
  try {
    linkSync(partial, target);
    unlinkSync(partial);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Shares without hard links: a rename is whole too, though it cannot refuse to overwrite.
    if (code === "EEXIST" || exists(target)) throw refusal(target);
    renameSync(partial, target);
  }
  sync(dirname(target));
}

function refusal(target: string): StoreError {
  return new StoreError(
    "cannot_open",
    target,
    `${target} exists, and is not overwritten: name another file, or move it away with its -wal and -shm.`,
  );
}

/**
 * Copies the database at `source` to a new file (0600): all that is committed at one moment, while
 * others go on writing. The copy is on the disk before it has its name.
 * @param onStart told which file grows to which size, before the copying begins.
 * @returns the length of the copy, bytes.
 * @throws {StoreError} where `target` or its -wal exists, or either cannot be used.
 */
export function backup(
  source: string,
  target: string,
  onStart?: (copy: CopyInProgress) => void,
): number {
  const file = resolve(target);
  const prefix = `${basename(file)}.partial-`;
  const partial = join(dirname(file), `${prefix}${process.pid}`);
  const db = openExisting(source);
  try {
    if (["", "-wal", "-shm", "-journal"].some((suffix) => exists(file + suffix))) {
      throw refusal(file);
    }
    removeAbandoned(dirname(file), prefix);
    closeSync(openSync(partial, "wx", 0o600));
    chmodSync(partial, 0o600);
    onStart?.({ path: partial, bytes: new Space(db).report().liveBytes });
    db.query("VACUUM INTO ?").run(partial);
    sync(partial);
    publish(partial, file);
    return statSync(file).size;
  } catch (error) {
    discard(partial);
    throw toStoreError("Cannot copy to", file, error);
  } finally {
    db.close(true);
  }
}

/**
 * Brings a backup back as the database at `target`, where there must be none. The backup is checked
 * first, and stays as it is.
 * @throws {StoreError} where the backup is damaged, or as `backup` does.
 */
export function restore(
  source: string,
  target: string,
  onStart?: (copy: CopyInProgress) => void,
): number {
  const db = openExisting(source);
  try {
    const [problem] = integrityProblems(db);
    if (problem !== undefined) {
      const message = `${source} is damaged (${problem}): restore an older backup.`;
      throw new StoreError("corrupt", source, message);
    }
  } finally {
    db.close(true);
  }
  return backup(source, target, onStart);
}
