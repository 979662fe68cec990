/**
 * The connection's side of a link: opens the file when it is first needed, turns records into rows,
 * writes, and decides by the class of a failure whether the connection can go on. A damaged file is
 * set aside and a new one begun; a file that was moved or deleted is written again at its path.
 */
import type { SpanRow } from "../store/rows.ts";
import { inodeOf, setAsideDamaged, setAsideStrayWal } from "../store/set-aside.ts";
import { Store, type WriteResult } from "../store/store.ts";
import { StoreError, toStoreError } from "../store/store-error.ts";
import { decodeBatch } from "./span-batch.ts";
import type { SpanRecord } from "./span-record.ts";
import type { SpanRowReader } from "./span-row.ts";
import type { StoreReply, StoreRequest, StoreSessionOptions } from "./store-link.ts";

/** How often maintenance is asked whether it is due, beside once after each batch. */
const UPKEEP_EVERY_MS = 10_000;
const MAX_REOPENS = 3;
const KEEPS_MOVING = "the file is moved or deleted each time it is opened";
const SOUND_KINDS: ReadonlySet<string> = new Set(["busy", "full", "poison"]);

export interface WrittenBatch {
  /** Spans that are in the file now. */
  committed: number;
  /** Spans that SQLite will never take. */
  poison: number;
}

export class StoreSession {
  readonly #options: StoreSessionOptions;
  readonly #reader: SpanRowReader;
  readonly #note: (message: string) => void;
  readonly #now: () => number;
  #store: Store | null = null;
  #inode = 0;

  constructor(
    options: StoreSessionOptions,
    reader: SpanRowReader,
    note: (message: string) => void,
    now: () => number,
  ) {
    this.#options = options;
    this.#reader = reader;
    this.#note = note;
    this.#now = now;
  }

  /** @throws {StoreError} where nothing of the batch is in the file. */
  write(records: readonly SpanRecord[]): WrittenBatch {
    const rows = records.map((record) => this.#row(record));
    const { written, duplicates, poison } = this.#writeRows(rows);
    for (const { error } of poison.slice(0, 1)) {
      this.#note(`${poison.length} of ${rows.length} spans cannot be stored: ${error.message}`);
    }
    return { committed: written + duplicates, poison: poison.length };
  }

  /** @throws {StoreError} */
  recordDrops(totals: Readonly<Record<string, number>>): void {
    this.#attempt((store) => store.recordDrops(totals, this.#now()));
  }

  /** One short step of what is due besides writing. @returns the milliseconds until the next one. */
  upkeep(): number {
    const store = this.#store;
    if (!store) return UPKEEP_EVERY_MS;
    try {
      const { retentionMs, maxDbBytes } = this.#options;
      const maintainer = store.maintainer({ retentionMs, maxDbBytes, warn: this.#note });
      const nowMs = this.#now();
      const didWork = maintainer.isDue(nowMs) && maintainer.step(nowMs).didWork;
      return didWork ? 0 : UPKEEP_EVERY_MS;
    } catch {
      return UPKEEP_EVERY_MS; // The next write will meet the same trouble, and tell.
    }
  }

  /** Opens the file ahead of the first batch. @throws {StoreError} */
  open(): void {
    this.#attempt(() => undefined);
  }

  #open(): Store {
    if (this.#store) return this.#store;
    const { path, writer, busyTimeoutMs } = this.#options;
    const stray = setAsideStrayWal(path, this.#now());
    if (stray) this.#note(`A -wal without its database stood at ${path}; it is now ${stray}-wal.`);
    this.#store = new Store({ path, writer, busyTimeoutMs, warn: this.#note });
    this.#inode = inodeOf(this.#store.path);
    return this.#store;
  }

  /** Never throws: what cannot be closed is let go of. */
  close(): void {
    const store = this.#store;
    this.#store = null;
    try {
      store?.close();
    } catch (error) {
      this.#note(toStoreError("Cannot close", this.#options.path, error).message);
    }
  }

  /** A span whose reading fails is stored without one. */
  #row(record: SpanRecord): SpanRow {
    try {
      return this.#reader.row(record);
    } catch (error) {
      this.#note(`The usage of a span cannot be read: ${String(error)}`);
      return { ...record, facts: null };
    }
  }

  #writeRows(rows: readonly SpanRow[]): WriteResult {
    for (let reopens = 0; ; reopens += 1) {
      const result = this.#attempt((store) => store.write(rows, this.#now()));
      // Asked afterwards: only then is it certain that the batch is in the file at the path.
      if (!this.#store?.hasMoved()) return result;
      if (reopens === MAX_REOPENS) throw new StoreError("io", this.#options.path, KEEPS_MOVING);
      this.#note(`${this.#options.path} was moved or deleted; a file is begun at its path again.`);
      this.#store.closeMoved(this.#now());
      this.#store = null;
    }
  }

  #attempt<T>(run: (store: Store) => T): T {
    try {
      return run(this.#open());
    } catch (cause) {
      const error = toStoreError("Cannot write to", this.#options.path, cause);
      // A lock, a full disk and a poison row leave the connection sound; otherwise it is opened anew.
      if (!SOUND_KINDS.has(error.kind)) this.close();
      if (error.kind === "full") this.#giveSpaceBack();
      if (error.kind !== "corrupt" || !this.#setAside()) throw error;
      return run(this.#open());
    }
  }

  /** What the -wal takes may be all that the disk has left; the next attempt finds it free. */
  #giveSpaceBack(): void {
    try {
      this.#store?.truncateWal();
    } catch {
      // The database has no room to take it either.
    }
  }

  #setAside(): boolean {
    const { path } = this.#options;
    const found = setAsideDamaged(path, this.#inode, this.#now());
    if (found === "sound") return false;
    if (found === "foreign") {
      throw new StoreError(
        "foreign",
        path,
        `${path} is no spanledger database; it was not touched. Choose another path with dbPath or TELEMETRY_DB_PATH.`,
      );
    }
    this.#note(`${path} is damaged. It was set aside as ${found.aside}, and a new file is begun.`);
    this.#open().recordSetAside(found.aside, this.#now());
    return true;
  }
}

export function failedReply(id: number, cause: unknown): StoreReply {
  const { kind, message } = toStoreError("Cannot write to", "the database", cause);
  return { type: "failed", id, kind, message };
}

/** Does what a request asks for. Never throws: trouble is a reply too. */
export function answer(session: StoreSession, request: StoreRequest): StoreReply | null {
  const id = request.type === "write" ? request.id : 0;
  try {
    switch (request.type) {
      case "open":
        session.open();
        return { type: "opened" };
      case "write":
        return { type: "written", id, ...session.write(decodeBatch(request.batch)) };
      case "drops":
        session.recordDrops(request.totals);
        return null;
      case "close":
        session.close();
        return { type: "closed" };
    }
  } catch (error) {
    return failedReply(id, error);
  }
}
