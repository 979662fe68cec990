/** When the write-ahead log (WAL) goes back into the file, and how: see `Checkpointer`. */
import type { Database } from "bun:sqlite";
import { fileHolders } from "./file-holders.ts";

const PASSIVE_EVERY_ROWS = 1000;
const PASSIVE_EVERY_MS = 30_000;
/** 64 MiB of 4 KiB pages. */
const TRUNCATE_ABOVE_PAGES = 16_384;
const TRUNCATE_WAIT_MS = 20;
/** 16 MiB: a WAL may be this large without anything being wrong. */
const PINNED_ABOVE_PAGES = 4096;
const PINNED_AFTER_MS = 10_000;

export interface CheckpointReport {
  mode: "PASSIVE" | "TRUNCATE";
  /** Pages in the WAL, and how many of them are in the file too. */
  walPages: number;
  checkpointedPages: number;
  /** Where a reader keeps a large WAL from going back: the sentence for the log. Else null. */
  pinned: string | null;
}

/** What a PASSIVE checkpoint could not get past, and since when. */
interface Standstill {
  pages: number;
  sinceMs: number;
}

/**
 * The ladder, from what happens all the time to what never does:
 *
 * 1. PASSIVE, every 1000 rows and every 30 seconds in which rows were written. It waits for nobody and
 *    nobody waits for it; what a reader still needs stays for the next one. SQLite's own checkpoints
 *    are off (`wal_autocheckpoint = 0`), because they sync inside whichever commit crosses their mark.
 *    A WAL that went back as a whole is written from its start again, and cut to `journal_size_limit`.
 * 2. TRUNCATE, only for a WAL above 64 MiB that has gone back as a whole (so there is nothing to
 *    copy while it holds the write lock) but was never free of readers for long enough to start again,
 *    and with a wait of 20 ms at most. Beside that, once when a writer closes the file.
 * 3. A reader that holds on to an old snapshot lets the WAL grow without an end, and no checkpoint can
 *    help. Above 16 MiB, and after 10 seconds without a page of progress, it is reported, with
 *    the processes that have the file open.
 * 4. RESTART and FULL never: they make every writer wait for the slowest reader.
 */
export class Checkpointer {
  readonly #db: Database;
  readonly #path: string;
  readonly #busyTimeoutMs: number;
  #rows = 0;
  #lastMs: number | null = null;
  #standstill: Standstill | null = null;

  constructor(db: Database, path: string, busyTimeoutMs: number) {
    this.#db = db;
    this.#path = path;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  /** Counts what was written, deleted or moved since the last checkpoint. */
  noteRows(rows: number): void {
    this.#rows += rows;
  }

  isDue(nowMs: number): boolean {
    if (this.#rows === 0 && this.#standstill === null) return false;
    this.#lastMs ??= nowMs;
    const sinceMs = Math.abs(nowMs - this.#lastMs); // A clock that went back is no reason to wait.
    return this.#rows >= PASSIVE_EVERY_ROWS || sinceMs >= PASSIVE_EVERY_MS;
  }

  /** Takes the ladder's next step. */
  run(nowMs: number): CheckpointReport {
    this.#rows = 0;
    this.#lastMs = nowMs;
    const passive = this.#checkpoint("PASSIVE");
    const isWhole = passive.checkpointedPages >= passive.walPages;
    if (isWhole && passive.walPages > TRUNCATE_ABOVE_PAGES) {
      this.#standstill = null;
      return this.#truncateBriefly();
    }
    return { ...passive, pinned: this.#pinnedBy(passive, isWhole, nowMs) };
  }

  /** The last one of a connection that closes; waits up to its busy timeout. */
  truncate(): CheckpointReport {
    return this.#checkpoint("TRUNCATE");
  }

  #truncateBriefly(): CheckpointReport {
    const waitMs = Math.min(TRUNCATE_WAIT_MS, this.#busyTimeoutMs);
    this.#db.run(`PRAGMA busy_timeout = ${waitMs}`);
    try {
      return this.#checkpoint("TRUNCATE");
    } finally {
      this.#db.run(`PRAGMA busy_timeout = ${this.#busyTimeoutMs}`);
    }
  }

  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): CheckpointReport {
    // A blocked checkpoint is a row with busy = 1, not an error.
    const row = this.#db.query(`PRAGMA wal_checkpoint(${mode})`).get() as Record<string, number>;
    const walPages = Math.max(row["log"] ?? 0, 0);
    return {
      mode,
      walPages,
      checkpointedPages: Math.max(row["checkpointed"] ?? 0, 0),
      pinned: null,
    };
  }

  #pinnedBy(report: CheckpointReport, isWhole: boolean, nowMs: number): string | null {
    const pages = report.checkpointedPages;
    if (isWhole) this.#standstill = null;
    else if (this.#standstill?.pages !== pages) this.#standstill = { pages, sinceMs: nowMs };
    if (!this.#standstill || report.walPages < PINNED_ABOVE_PAGES) return null;
    const seconds = Math.round((nowMs - this.#standstill.sinceMs) / 1000);
    if (seconds * 1000 < PINNED_AFTER_MS) return null;
    const holders = fileHolders(`${this.#path}-shm`).map(({ pid, name }) => `${pid} (${name})`);
    const who = holders.length > 0 ? `; open in: ${holders.join(", ")}` : "";
    const mebibytes = Math.round(report.walPages / 256);
    return `${this.#path}-wal has grown to ${mebibytes} MiB because a reader has held an old snapshot for ${seconds} s; end its transaction or its process${who}`;
  }
}
