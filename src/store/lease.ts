/**
 * Of all processes on a file, one maintains it. The lease saves the others the work; it is not what
 * keeps the file sound: each step of maintenance is a transaction that two could take in turn.
 */
import type { Database, Statement } from "bun:sqlite";

/** After this long without a sign of life, another process takes over. */
const LEASE_MS = 180_000;

interface LeaseRow {
  holder: string | null;
  lease_until_ms: number;
}

export class Lease {
  readonly #holder: string;
  readonly #read: Statement<LeaseRow, []>;
  readonly #take: Statement<unknown, [string, number, number, number]>;
  readonly #release: Statement<unknown, [string]>;

  constructor(db: Database, holder: string) {
    this.#holder = holder;
    this.#read = db.prepare("SELECT holder, lease_until_ms FROM upkeep");
    // One from far in the future is that of a clock that was wrong.
    this.#take = db.prepare(
      `UPDATE upkeep SET holder = ?1, lease_until_ms = ?2 WHERE holder IS NULL OR holder = ?1
         OR lease_until_ms <= ?3 OR lease_until_ms > ?4`,
    );
    this.#release = db.prepare(
      "UPDATE upkeep SET holder = NULL, lease_until_ms = 0 WHERE holder = ?",
    );
  }

  /** Takes or renews the lease. @returns false while another process has it. */
  hold(nowMs: number): boolean {
    const row = this.#read.get();
    const leftMs = (row?.lease_until_ms ?? 0) - nowMs;
    if (row?.holder === this.#holder && leftMs > LEASE_MS / 2 && leftMs <= LEASE_MS) return true;
    return this.#take.run(this.#holder, nowMs + LEASE_MS, nowMs, nowMs + 2 * LEASE_MS).changes > 0;
  }

  release(): void {
    this.#release.run(this.#holder);
  }
}
