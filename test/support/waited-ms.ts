import { readFileSync } from "node:fs";

/**
 * How long this thread has been ready to run while the machine ran others, since it began: no doing of
 * ours, so what measures this thread takes it out. 0 where the system does not say (only Linux does).
 */
export function waitedMs(): number {
  try {
    const [, waitedNs] = readFileSync("/proc/thread-self/schedstat", "utf8").split(" ");
    return Number(waitedNs) / 1e6;
  } catch {
    return 0;
  }
}
