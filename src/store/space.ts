import type { Database, Statement } from "bun:sqlite";

/** Freed pages that stay in the file for what is written next; a share of it, but at least 256 KiB. */
const KEPT_SHARE = 1 / 16;
const KEPT_PAGES = 64;

export interface SpaceReport {
  pageBytes: number;
  /** The file's length. */
  fileBytes: number;
  /** Pages in use: what a limit of the size applies to, because freed pages are used again. */
  liveBytes: number;
  freePages: number;
}

interface Count {
  n: number;
}

/** How large the file is, and how much of it is in use. */
export class Space {
  readonly #db: Database;
  readonly #pageBytes: number;
  readonly #pages: Statement<Count, []>;
  readonly #freePages: Statement<Count, []>;

  constructor(db: Database) {
    this.#db = db;
    this.#pages = db.prepare("SELECT page_count AS n FROM pragma_page_count()");
    this.#freePages = db.prepare("SELECT freelist_count AS n FROM pragma_freelist_count()");
    const row = db.query("SELECT page_size AS n FROM pragma_page_size()").get() as Count;
    this.#pageBytes = row.n;
  }

  report(): SpaceReport {
    const pages = this.#pages.get()?.n ?? 0;
    const freePages = this.#freePages.get()?.n ?? 0;
    const pageBytes = this.#pageBytes;
    return {
      pageBytes,
      fileBytes: pages * pageBytes,
      liveBytes: (pages - freePages) * pageBytes,
      freePages,
    };
  }

  /** How many pages are free beyond the reserve. */
  excessPages(): number {
    const pages = this.#pages.get()?.n ?? 0;
    const kept = Math.max(KEPT_PAGES, Math.floor(pages * KEPT_SHARE));
    return Math.max(0, (this.#freePages.get()?.n ?? 0) - kept);
  }

  /** Gives up to `pages` free pages back to the file system. */
  release(pages: number): void {
    // Not `get()`: the statement frees one page a step.
    this.#db.run(`PRAGMA incremental_vacuum(${pages})`);
  }
}
