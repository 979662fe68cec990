/**
 * Moves a damaged database out of the way, with its -wal and -shm under the same new name, so that
 * SQLite still finds them together and a person can still rescue what is in them.
 */
import { Database } from "bun:sqlite";
import { lstatSync, openSync, readSync, renameSync, type Stats } from "node:fs";
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

/** Renames the files that exist. @returns the new name of the database file. */
export function setAside(
  path: string,
  label: string,
  nowMs: number,
  suffixes: readonly string[] = SUFFIXES,
): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:.]/g, "");
  let aside = `${path}.${label}-${stamp}`;
  while (SUFFIXES.some((suffix) => statOf(aside + suffix))) aside += "+";
  for (const suffix of suffixes) {
    if (statOf(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}

/**
 * A -wal or -shm without its database is a stranger's, and SQLite would read it into a new file.
 * @returns the new name, or null where there was nothing to do.
 */
export function setAsideStrayWal(path: string, nowMs: number): string | null {
  if (statOf(path) || !SIDE_SUFFIXES.some((suffix) => statOf(path + suffix))) return null;
  if (statOf(path)) return null; // Another process has just made the database, and they are its own.
  return setAside(path, "stray", nowMs);
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
  return isDamaged(path) ? { aside: setAside(path, "corrupt", nowMs) } : "sound";
}
