/** Where retention has to wait for a forwarder. */
import type { Database } from "bun:sqlite";

/** Spans are stored about in the order they end; one that was held back for longer than this is late. */
const LATENESS_MS = 3_600_000;

/**
 * Traces last seen at this time or later may not be forwarded yet to a destination that retention waits
 * for; null where none is waited for, or nothing is left to forward. Costs two look-ups.
 * @param aliveMs A destination that nobody has forwarded to since is given up: another URL has taken its
 * place, and the file would grow for ever.
 */
export function unforwardedSinceMs(db: Database, aliveMs: number): number | null {
  const row = db
    .query(
      `SELECT (start_ns + duration_ns) / 1000000 AS ms FROM span_rows
       WHERE id > (SELECT min(cursor) FROM forward_destinations
         WHERE holds_retention AND held_until_ms >= ?)
       ORDER BY id LIMIT 1`,
    )
    .get(aliveMs) as { ms: number } | null;
  return row === null ? null : row.ms - LATENESS_MS;
}
