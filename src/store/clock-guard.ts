/**
 * Whether the clock may be trusted with a deletion. A clock that jumps a year ahead would make all that
 * is in the file a year old. So a time more than a day beyond the newest one that the file knows is
 * doubted, until the clock still says so an hour later.
 */
import type { Database, Statement } from "bun:sqlite";

const MAX_STEP_MS = 86_400_000;
const CONFIRM_AFTER_MS = 3_600_000;
/** How far the believed time may lag behind: it is not written at every look. */
const LAG_MS = 60_000;

interface ClockRow {
  clock_ms: number | null;
  doubted_clock_ms: number | null;
}

export class ClockGuard {
  readonly #read: Statement<ClockRow, []>;
  readonly #newestWrite: Statement<{ ms: number | null }, []>;
  readonly #believe: Statement<unknown, [number]>;
  readonly #doubt: Statement<unknown, [number]>;

  constructor(db: Database) {
    this.#read = db.prepare("SELECT clock_ms, doubted_clock_ms FROM upkeep");
    this.#newestWrite = db.prepare(
      "SELECT CAST(unixepoch(max(last_at)) AS INTEGER) * 1000 AS ms FROM exporter_health",
    );
    this.#believe = db.prepare("UPDATE upkeep SET clock_ms = ?, doubted_clock_ms = NULL");
    this.#doubt = db.prepare("UPDATE upkeep SET doubted_clock_ms = ?");
  }

  /**
   * Looks at the time, and notes in the file what it makes of it.
   * @returns null where it is believed, else when to look again.
   */
  confirmAtMs(nowMs: number): number | null {
    const row = this.#read.get();
    const clockMs = row?.clock_ms ?? this.#newestWrite.get()?.ms ?? nowMs;
    const doubtedMs = row?.doubted_clock_ms ?? null;
    const isConfirmed = doubtedMs !== null && nowMs >= doubtedMs + CONFIRM_AFTER_MS;
    if (nowMs <= clockMs + MAX_STEP_MS || isConfirmed) {
      const isNoted = row?.clock_ms != null && Math.abs(nowMs - row.clock_ms) < LAG_MS;
      if (!isNoted || doubtedMs !== null) this.#believe.run(nowMs);
      return null;
    }
    if (doubtedMs !== null && nowMs >= doubtedMs) return doubtedMs + CONFIRM_AFTER_MS;
    this.#doubt.run(nowMs);
    return nowMs + CONFIRM_AFTER_MS;
  }
}
