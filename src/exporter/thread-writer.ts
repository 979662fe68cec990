/**
 * A writer whose connection lives in this thread. Batches are written on a later turn of the event
 * loop, so that `span.end()`, on whose stack the SDK exports, never waits for the file. While the
 * file cannot be written, batches are held up to a bound, the oldest dropped first, and tried again.
 */
import { Store } from "../store/store.ts";
import { toStoreError } from "../store/store-error.ts";
import type { SpanRecord } from "./span-record.ts";
import type { SpanRowReader } from "./span-row.ts";
import type { SpanWriter, WriterHealth } from "./span-writer.ts";
import type { StateLog } from "./state-log.ts";

export interface ThreadWriterOptions {
  path: string;
  retentionMs: number;
  reader: SpanRowReader;
  log: StateLog;
  now: () => number;
}

const MAX_HELD_SPANS = 20_000;
/** Short: a lock is waited for on the host's own thread. */
const BUSY_TIMEOUT_MS = 5;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 30_000;

export class ThreadWriter implements SpanWriter {
  readonly #options: ThreadWriterOptions;
  readonly #writer: string = crypto.randomUUID();
  readonly #dropped: Record<string, number> = {};
  #unrecordedDrops: Record<string, number> = {};
  #held: SpanRecord[][] = [];
  #heldSpans = 0;
  #ended = 0;
  #committed = 0;
  #store: Store | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #retryMs = FIRST_RETRY_MS;
  #lastError: string | null = null;
  #isBusy = false;
  #isClosed = false;

  constructor(options: ThreadWriterOptions) {
    this.#options = options;
    this.#schedule(0);
  }

  accept(records: SpanRecord[]): void {
    this.#ended += records.length;
    if (this.#isClosed) {
      this.#drop("closed", records.length);
      return;
    }
    this.#held.push(records);
    this.#heldSpans += records.length;
    while (this.#heldSpans > MAX_HELD_SPANS) {
      const oldest = this.#held.shift() ?? [];
      this.#heldSpans -= oldest.length;
      this.#drop("queue_full", oldest.length);
    }
    if (this.#lastError === null) this.#schedule(0);
  }

  async flush(deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    // A lock is soon released; a disk or a path is not mended within a deadline.
    while (!this.#drain() && this.#isBusy && performance.now() + FIRST_RETRY_MS < endMs) {
      await new Promise((resolve) => setTimeout(resolve, FIRST_RETRY_MS));
    }
  }

  async close(deadlineMs: number): Promise<void> {
    if (this.#isClosed) return;
    await this.flush(deadlineMs);
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#drop("closed", this.#heldSpans);
    this.#held = [];
    this.#heldSpans = 0;
    try {
      this.#recordDrops();
      this.#store?.close();
    } catch (error) {
      this.#options.log.trouble(toStoreError("Cannot close", this.#options.path, error).message);
    }
    this.#store = null;
  }

  health(): WriterHealth {
    const isOk = this.#lastError === null;
    return {
      ended: this.#ended,
      committed: this.#committed,
      queued: this.#heldSpans,
      dropped: { ...this.#dropped },
      state: this.#isClosed ? "closed" : isOk ? "ok" : "degraded",
      lastError: this.#lastError,
    };
  }

  #schedule(delayMs: number): void {
    if (this.#timer || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#drain();
    }, delayMs);
    this.#timer.unref();
  }

  /** Writes all that is held. False where the file did not take it; it is then tried again later. */
  #drain(): boolean {
    if (this.#isClosed) return true;
    try {
      const store = this.#open();
      for (let batch = this.#held[0]; batch; batch = this.#held[0]) this.#writeBatch(store, batch);
      this.#recordDrops();
      if (store.isCheckpointDue(this.#options.now())) store.checkpoint(this.#options.now());
      this.#recovered();
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  #open(): Store {
    if (this.#store) return this.#store;
    const { path, log, now, retentionMs } = this.#options;
    const options = { path, writer: this.#writer, busyTimeoutMs: BUSY_TIMEOUT_MS };
    const store = new Store({ ...options, warn: (message) => log.note(message) });
    this.#store = store;
    const warn = (message: string): void => log.note(message);
    const maintainer = store.maintainer({ retentionMs, maxDbBytes: 0, warn });
    while (maintainer.step(now()).didWork);
    return store;
  }

  #writeBatch(store: Store, batch: SpanRecord[]): void {
    const rows = batch.map((record) => this.#options.reader.row(record));
    const { written, duplicates, poison } = store.write(rows, this.#options.now());
    this.#held.shift();
    this.#heldSpans -= batch.length;
    this.#committed += written + duplicates;
    if (poison.length > 0) this.#drop("poison", poison.length);
    for (const { error } of poison) this.#options.log.note(error.message);
  }

  #drop(reason: string, spans: number): void {
    if (spans === 0) return;
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + spans;
    this.#unrecordedDrops[reason] = (this.#unrecordedDrops[reason] ?? 0) + spans;
  }

  #recordDrops(): void {
    if (!this.#store || Object.keys(this.#unrecordedDrops).length === 0) return;
    this.#store.recordDrops(this.#unrecordedDrops, this.#options.now());
    this.#unrecordedDrops = {};
  }

  #recovered(): void {
    if (this.#lastError !== null) this.#options.log.recovered("Spans are written again.");
    this.#lastError = null;
    this.#retryMs = FIRST_RETRY_MS;
  }

  #failed(cause: unknown): void {
    const error = toStoreError("Cannot write to", this.#options.path, cause);
    this.#lastError = error.message;
    this.#isBusy = error.kind === "busy";
    this.#options.log.trouble(
      `${error.message}. ${this.#heldSpans} spans are held and tried again.`,
    );
    this.#schedule(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }
}
