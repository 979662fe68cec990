/**
 * The stored spans as an outbox: read in the order they arrived, with a cursor for each destination.
 *
 * Why a row's number is a safe cursor: SQLite has one writer at a time, and a row gets its number
 * inside the writing transaction. So numbers become visible in their order, and no row with a lower
 * number can appear after a higher one was read. Numbers at the end are given out again once their
 * rows are deleted; a trigger then moves the cursors back and counts the epoch up (schema.ts).
 */
import type { Database, Statement } from "bun:sqlite";
import { openDatabase } from "./database.ts";
import { hasMoved } from "./has-moved.ts";
import type { SpanRow, SpanShape } from "./rows.ts";
import { StoreError, toStoreError } from "./store-error.ts";

/** A span as it is stored. What it says of its usage is not needed to send it. */
export interface StoredSpan extends Omit<SpanRow, "facts"> {
  /** Its place in the order of arrival. */
  id: number;
}

/** The same as it is read: its shape in columns of its own. */
type StoredColumns = Omit<StoredSpan, "shape"> & SpanShape;

function storedSpan(columns: StoredColumns): StoredSpan {
  const { name, kind, resource, scope, attributeKeys, ...span } = columns;
  return { ...span, shape: { name, kind, resource, scope, attributeKeys } };
}

export interface OutboxPosition {
  /** Everything up to this place was accepted or refused. */
  cursor: number;
  /** Changes when places behind it are given out again: what was read before may not be confirmed. */
  epoch: number;
}

/** What a destination will not take. */
export interface Refusal {
  traceId: string;
  spanId: string;
  /** 1: this span. More: so many of a batch that begins with this span, the destination did not say which. */
  spans: number;
  reason: string;
}

export interface Confirmation {
  /** The last place that was dealt with. */
  cursor: number;
  accepted: number;
  refusals: readonly Refusal[];
}

export interface OutboxOptions {
  path: string;
  /** The destination's URL, without credentials: each has a cursor of its own. */
  url: string;
  busyTimeoutMs: number;
}

/** So many refusals are kept by name for each destination; all of them are counted. */
const MAX_REFUSALS = 10_000;
const MAX_REASON_LENGTH = 1000;

const SELECT_SPANS = `SELECT s.id,
  lower(hex(t.trace_id)) AS traceId, lower(hex(s.span_id)) AS spanId,
  lower(hex(s.parent_span_id)) AS parentSpanId, h.name, h.kind,
  s.start_ns / 1000000000 AS startS, s.start_ns % 1000000000 AS startNs, s.duration_ns AS durationNs,
  s.status_code AS statusCode, r.body AS resource, c.body AS scope,
  h.attribute_keys AS attributeKeys, s.attribute_values AS attributeValues, s.detail
FROM span_rows s
JOIN traces t ON t.id = s.trace_no
JOIN span_shapes h ON h.id = s.shape_id
JOIN scopes c ON c.id = h.scope_id
JOIN resources r ON r.id = h.resource_id
WHERE s.id > ? AND s.id <= ? ORDER BY s.id`;

/** A purged trace is out of `traces` at once; its spans are deleted by and by. */
const SELECT_SIZES = `SELECT s.id,
  octet_length(s.attribute_values) + coalesce(octet_length(s.detail), 0) AS bytes
FROM span_rows s JOIN traces t ON t.id = s.trace_no
WHERE s.id > ? ORDER BY s.id LIMIT ?`;

function utc(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 19).replace("T", " ");
}

export class Outbox {
  readonly #db: Database;
  readonly #path: string;
  readonly #destination: number;
  readonly #sizes: Statement<{ id: number; bytes: number }, [number, number]>;
  readonly #spans: Statement<StoredColumns, [number, number]>;

  /** @throws {StoreError} where the file cannot be opened, with what to do about it. */
  constructor({ path, url, busyTimeoutMs }: OutboxOptions) {
    this.#path = path;
    this.#db = openDatabase(path, busyTimeoutMs);
    this.#sizes = this.#db.prepare(SELECT_SIZES);
    this.#spans = this.#db.prepare(SELECT_SPANS);
    this.#destination = this.#write(() => {
      this.#db.query("INSERT OR IGNORE INTO forward_destinations (url) VALUES (?)").run(url);
      const row = this.#db.query("SELECT id FROM forward_destinations WHERE url = ?").get(url);
      return (row as { id: number }).id;
    });
  }

  /** Whether retention waits for this destination from now on. */
  holdRetention(holds: boolean): void {
    this.#write(() =>
      this.#db
        .query("UPDATE forward_destinations SET holds_retention = ? WHERE id = ?")
        .run(holds ? 1 : 0, this.#destination),
    );
  }

  /** @throws {StoreError} where another file stands at the path by now: open it again. */
  position(): OutboxPosition {
    if (hasMoved(this.#db)) {
      throw new StoreError(
        "io",
        this.#path,
        `${this.#path} was moved or deleted while it was read`,
      );
    }
    const sql = "SELECT cursor, epoch FROM forward_destinations WHERE id = ?";
    return this.#read(() => this.#db.query(sql).get(this.#destination) as OutboxPosition);
  }

  /** Moves the cursor to just before the first stored span that ended at `sinceMs` or later. */
  startAt(sinceMs: number): void {
    this.#write(() =>
      this.#db
        .query(
          `UPDATE forward_destinations SET epoch = epoch + 1, cursor = coalesce(
             (SELECT min(id) - 1 FROM span_rows WHERE start_ns + duration_ns >= ?2 * 1000000),
             (SELECT max(id) FROM span_rows), 0) WHERE id = ?1`,
        )
        .run(this.#destination, Math.ceil(sinceMs)),
    );
  }

  /** Spans behind `cursor`. */
  pending(cursor: number): number {
    const sql =
      "SELECT count(*) AS n FROM span_rows s JOIN traces t ON t.id = s.trace_no WHERE s.id > ?";
    return this.#read(() => (this.#db.query(sql).get(cursor) as { n: number }).n);
  }

  /** The next spans behind `cursor`: at least one if there is any, and no more than the bounds allow. */
  read(cursor: number, maxSpans: number, maxBytes: number): StoredSpan[] {
    return this.#read(() => {
      let last = cursor;
      let bytes = 0;
      for (const row of this.#sizes.all(cursor, maxSpans)) {
        bytes += row.bytes;
        if (bytes > maxBytes && last > cursor) break;
        last = row.id;
      }
      return last === cursor ? [] : this.#spans.all(cursor, last).map(storedSpan);
    });
  }

  /**
   * Makes `holder` the one that forwards until `untilMs`.
   * @returns false where another one is at it.
   */
  hold(
    holder: string,
    nowMs: number,
    untilMs: number,
    isAlive: (holder: string) => boolean,
  ): boolean {
    const isTaken = (): boolean => {
      const row = this.#db
        .query("SELECT holder, held_until_ms AS untilMs FROM forward_destinations WHERE id = ?")
        .get(this.#destination) as { holder: string | null; untilMs: number };
      if (row.holder === null || row.holder === holder || row.untilMs < nowMs) return false;
      return isAlive(row.holder);
    };
    if (this.#read(isTaken)) return false; // Asked again and again by who waits: without a write.
    return this.#write(() => {
      if (isTaken()) return false;
      this.#db
        .query("UPDATE forward_destinations SET holder = ?, held_until_ms = ? WHERE id = ?")
        .run(holder, untilMs, this.#destination);
      return true;
    });
  }

  release(holder: string): void {
    this.#write(() =>
      this.#db
        .query("UPDATE forward_destinations SET holder = NULL WHERE id = ? AND holder = ?")
        .run(this.#destination, holder),
    );
  }

  /**
   * Moves the cursor on.
   * @returns false where places were given out again since `from` was read: read and send again.
   */
  confirm(from: OutboxPosition, done: Confirmation, nowMs: number): boolean {
    const refused = done.refusals.reduce((sum, { spans }) => sum + spans, 0);
    return this.#write(() => {
      const { changes } = this.#db
        .query(
          `UPDATE forward_destinations SET cursor = max(cursor, ?3), accepted = accepted + ?4,
             refused = refused + ?5, updated_at = ?6 WHERE id = ?1 AND epoch = ?2`,
        )
        .run(this.#destination, from.epoch, done.cursor, done.accepted, refused, utc(nowMs));
      if (changes === 0) return false;
      this.#recordRefusals(done.refusals, nowMs);
      return true;
    });
  }

  close(): void {
    this.#db.close(true);
  }

  #recordRefusals(refusals: readonly Refusal[], nowMs: number): void {
    if (refusals.length === 0) return;
    const insert = this.#db.query(
      `INSERT INTO forward_refusals (destination_id, trace_id, span_id, spans, reason, refused_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
    );
    for (const { traceId, spanId, spans, reason } of refusals) {
      const text = reason.slice(0, MAX_REASON_LENGTH).toWellFormed().replaceAll("\0", "\uFFFD");
      insert.run(this.#destination, traceId, spanId, spans, text, utc(nowMs));
    }
    this.#db
      .query(
        `DELETE FROM forward_refusals WHERE destination_id = ?1 AND id <= (SELECT id FROM forward_refusals
           WHERE destination_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ${MAX_REFUSALS})`,
      )
      .run(this.#destination);
  }

  #read<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw toStoreError("Cannot read", this.#path, error);
    }
  }

  #write<T>(run: () => T): T {
    try {
      return this.#db.transaction(run).immediate();
    } catch (error) {
      throw toStoreError("Cannot write to", this.#path, error);
    }
  }
}
