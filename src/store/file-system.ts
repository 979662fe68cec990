import { statfsSync } from "node:fs";
import { dirname } from "node:path";

/** Magic numbers of statfs(2), linux/magic.h: file systems on which WAL's shared memory is unsafe. */
const NETWORK_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: "NFS",
  20859: "SMB",
  4283649346: "CIFS",
  4266872130: "SMB2",
  1702057286: "FUSE",
  16914839: "9p",
  1397113167: "AFS",
  12805120: "Ceph",
  1937076805: "Coda",
  22092: "NCP",
};

/** The name of a network file system by its statfs type, or null for one that SQLite's WAL is safe on. */
export function networkFileSystemName(statfsType: number): string | null {
  return NETWORK_FILE_SYSTEMS[statfsType >>> 0] ?? null;
}

/**
 * A sentence for the log where the file would lie on a network file system, else null: "WAL does not
 * work over a network filesystem" (sqlite.org/wal.html).
 */
export function networkFileSystemWarning(
  path: string,
  statfsType: (directory: string) => number = (directory) => statfsSync(directory).type,
): string | null {
  let name: string | null;
  try {
    name = networkFileSystemName(statfsType(dirname(path)));
  } catch {
    return null; // Opening the file will say what is wrong with its directory.
  }
  if (name === null) return null;
  return `${path} is on a network file system (${name}), where SQLite's WAL is unsafe and can lose data: set TELEMETRY_DB_PATH to a path on a local disk, and back the file up to the share.`;
}
