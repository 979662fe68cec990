/**
 * Moves a damaged database out of the way, with its -wal and -shm under the same new name, so that
 * SQLite still finds them together and a person can still rescue what is in them.
 *
 * Several processes may be at it at once, and a rename cannot be told which file it is meant for. So
 * the database goes first, and nobody makes a new one at the path while a -wal or -shm is still there
 * (database.ts): who finds them alone waits, because somebody is likely to be moving them just now.
 */
import { Database } from "bun:sqlite";
import {
  linkSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  type Stats,
  unlinkSync,
} from "node:fs";
import { APPLICATION_ID } from "./schema.ts";
import { toStoreError } from "./store-error.ts";

const SIDE_SUFFIXES: readonly string[] = ["-wal", "-shm", "-journal"];
const SUFFIXES: readonly string[] = ["", ...SIDE_SUFFIXES];
const MAGIC = "SQLite format 3\0";
const APPLICATION_ID_OFFSET = 68;

/** Undefined where there is nothing, or no way there: opening the file will say which. */
function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The inode of a file, 0 where there is none. */
export function inodeOf(path: string): number {
  return statOf(path)?.ino ?? 0;
}

/** A file of a database: what its name ends in, and its inode, 0 where there is none. */
export type SeenFile = readonly [suffix: string, inode: number];

/** The files of a database, by their suffixes, as they stand at the path. */
export function filesAt(path: string, suffixes: readonly string[]): SeenFile[] {
  return suffixes.map((suffix) => [suffix, inodeOf(path + suffix)]);
}

/** Whether a -wal, -shm or -journal stands at the path. */
export function hasSideFiles(path: string): boolean {
  return filesAt(path, SIDE_SUFFIXES).some(([, inode]) => inode !== 0);
}

/** Puts a file back, unless another one stands there by now. */
function putBack(from: string, to: string): void {
  try {
    linkSync(from, to); // A rename would replace it.
    unlinkSync(from);
  } catch {
    // It stays under its new name.
  }
}

/** Renames a file if it is this one. Another one that took its place in the very moment is put back. */
function move(from: string, to: string, inode: number): boolean {
  if (inode === 0 || inodeOf(from) !== inode) return false;
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false; // Another process was faster.
    throw error;
  }
  if (inodeOf(to) === inode) return true;
  putBack(to, from);
  return false;
}

/**
 * Renames those files that are still what was seen, and none without the database where that is to go first.
 * @returns the new name of the database file, or null where another file stands in its place by now.
 */
export function setAside(
  path: string,
  label: string,
  nowMs: number,
  files: readonly SeenFile[],
): string | null {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:.]/g, "");
  let aside = `${path}.${label}-${stamp}`;
  while (SUFFIXES.some((suffix) => statOf(aside + suffix))) aside += "+";
  for (const [suffix, inode] of files) {
    if (!move(path + suffix, aside + suffix, inode) && suffix === "") return null;
  }
  return aside;
}

/** Three renames take far less. */
const PATIENCE_MS = 250;
const LOOK_EVERY_MS = 5;

/**
 * A -wal or -shm without its database is a stranger's, and SQLite would read it into a new file; but
 * only if it stays alone: it may be on its way out behind its database.
 * @returns the new name, or null where there was nothing to do.
 */
export function setAsideStrayWal(path: string, nowMs: number): string | null {
  for (let waitedMs = 0; !statOf(path) && hasSideFiles(path); waitedMs += LOOK_EVERY_MS) {
    if (waitedMs >= PATIENCE_MS)
      return setAside(path, "stray", nowMs, filesAt(path, SIDE_SUFFIXES));
    Bun.sleepSync(LOOK_EVERY_MS);
  }
  return null;
}

/** By device and inode, never closed: closing one drops every lock that this process has on the file. */
const openFiles = new Map<string, number>();

function headerOf(path: string, { dev, ino }: Stats): Buffer {
  const key = `${dev}:${ino}`;
  const fd = openFiles.get(key) ?? openSync(path, "r");
  openFiles.set(key, fd);
  const header = Buffer.alloc(100);
  return header.subarray(0, readSync(fd, header, 0, header.length, 0));
}

/** Damage may have hit any byte of the header: the application id decides, or the magic where the rest is gone. */
function isOurs(header: Buffer): boolean {
  return header.length >= APPLICATION_ID_OFFSET + 4
    ? header.readUInt32BE(APPLICATION_ID_OFFSET) === APPLICATION_ID
    : header.toString("latin1").startsWith(MAGIC);
}

function isDamaged(path: string): boolean {
  let db: Database | undefined;
  try {
    db = new Database(path, { readonly: true });
    const [row] = db.query("PRAGMA integrity_check(1)").all() as Record<string, string>[];
    return row?.["integrity_check"] !== "ok";
  } catch (error) {
    return toStoreError("Cannot check", path, error).kind === "corrupt";
  } finally {
    db?.close(true);
  }
}

/**
 * Sets a damaged database of ours aside, after a second look.
 * @param knownInode of a file that was open as ours before; 0 for none.
 * @returns its new name; `foreign` where the file is not ours and was left alone; `sound` where it is
 * in order, or gone.
 */
export function setAsideDamaged(
  path: string,
  knownInode: number,
  nowMs: number,
): { aside: string } | "foreign" | "sound" {
  const stat = statOf(path);
  if (!stat?.isFile()) return "sound";
  if (stat.ino !== knownInode && !isOurs(headerOf(path, stat))) return "foreign";
  if (!isDamaged(path)) return "sound";
  // Another process may have been faster: then what stands there by now is the file that it began, with
  // a -wal of its own. So the -wal is looked at first, and moved only behind this very database.
  const sides = filesAt(path, SIDE_SUFFIXES);
  const aside = setAside(path, "corrupt", nowMs, [["", stat.ino], ...sides]);
  return aside === null ? "sound" : { aside };
}
