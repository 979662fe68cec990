import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface FileHolder {
  pid: number;
  /** The program's name, or "?" where it cannot be read. */
  name: string;
}

function filesOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ""; // Closed meanwhile.
      }
    });
  } catch {
    return []; // Another user's, or gone.
  }
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "?";
  }
}

/**
 * The processes that have `file` open, as far as this user may know: Linux only, else none. Reads links
 * alone and never the file, whose locks would be lost by that.
 */
export function fileHolders(file: string): FileHolder[] {
  let pids: string[];
  try {
    pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return pids
    .filter((pid) => filesOf(pid).includes(file))
    .map((pid) => ({ pid: Number(pid), name: nameOf(pid) }));
}
