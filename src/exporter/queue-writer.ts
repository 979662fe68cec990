/**
 * The host's side of writing. It keeps each batch until the link says that the file has it, and sends
 * it again after a failure, a crash or a hang. At every moment ended = committed + queued + dropped.
 * Nothing in here waits, but for `flushSync` and `closeSync` at the end of a process.
 */
import type { StoreErrorKind } from "../store/store-error.ts";
import { type HeldBatch, HeldBatches, type HeldBounds } from "./held-batches.ts";
import { LinkKeeper } from "./link-keeper.ts";
import { encodeBatch } from "./span-batch.ts";
import type { SpanRecord } from "./span-record.ts";
import type { SpanWriter, WriterHealth } from "./span-writer.ts";
import type { StateLog } from "./state-log.ts";
import type { LinkReply, OpenLink } from "./store-link.ts";
import type { Timers } from "./timers.ts";

/** What becomes of batches, for whoever measures it. */
export interface BatchObserver {
  accepted(spans: number): void;
  /** @param reason why they were dropped; null where they are in the file. */
  finished(spans: number, durationMs: number, reason: string | null): void;
}

export interface QueueWriterOptions {
  bounds: HeldBounds;
  openLink: OpenLink;
  openThreadLink: OpenLink;
  log: StateLog;
  timers: Timers;
  /** How long a link may be silent, twice, while an answer is due. */
  silenceMs: number;
  observer: BatchObserver;
  /** From 0 up to 1, for the jitter of retries. */
  random: () => number;
}

/** One transaction's length, whatever the processor hands over. */
const MAX_BATCH_SPANS = 512;
const MAX_BATCH_LENGTH = 512 * 1024;
/** Batches on their way at once: enough to keep the link busy while the host's thread is. */
const MAX_SENT = 8;
const FIRST_RETRY_MS = 100;
/** A lock is worth asking for often; a full disk or a missing directory less so. */
const MAX_BUSY_RETRY_MS = 250;
const MAX_RETRY_MS = 5000;
/** While somebody waits for a flush. */
const FLUSH_RETRY_MS = 200;
/** At the end of a process: between two attempts, and for a Worker that has not said a word yet. */
const SYNC_RETRY_MS = 20;
/** In a row, without a batch written in between. */
const MAX_CRASHES = 3;
const MIN_CLOSE_MS = 500;

interface Waiter {
  lastId: number;
  done: () => void;
}

/** The link itself is down, as opposed to what it says of the file. */
type TroubleKind = StoreErrorKind | "link_down";

function* batchesOf(records: readonly SpanRecord[]): Generator<SpanRecord[]> {
  let batch: SpanRecord[] = [];
  let length = 0;
  for (const record of records) {
    batch.push(record);
    length += record.attributeValues.length + (record.detail?.length ?? 0);
    if (batch.length < MAX_BATCH_SPANS && length < MAX_BATCH_LENGTH) continue;
    yield batch;
    batch = [];
    length = 0;
  }
  if (batch.length > 0) yield batch;
}

export class QueueWriter implements SpanWriter {
  readonly #options: QueueWriterOptions;
  readonly #held: HeldBatches;
  readonly #keeper: LinkKeeper;
  readonly #waiters = new Set<Waiter>();
  readonly #dropped: Record<string, number> = {};
  #isDropUntold = false;
  #ended = 0;
  #committed = 0;
  #trouble: { kind: TroubleKind; message: string } | null = null;
  /** The link as it stands now has said something. */
  #hasAnswered = false;
  #crashes = 0;
  /** The file said no, and will say it again a moment later. */
  #isHopeless = false;
  #retryMs = FIRST_RETRY_MS;
  #cancelRetry: (() => void) | null = null;
  #closing: Promise<void> | null = null;
  #onLinkEnd: (() => void) | null = null;
  #state: "open" | "closed" | "exiting" = "open";

  constructor(options: QueueWriterOptions) {
    this.#options = options;
    this.#held = new HeldBatches(options.bounds);
    this.#keeper = new LinkKeeper({
      ...options,
      onReply: (reply) => this.#reply(reply),
      isAnswerDue: () => this.#held.sent > 0,
    });
    this.#keeper.open();
  }

  accept(records: readonly SpanRecord[]): void {
    this.#ended += records.length;
    if (this.#state === "closed") {
      this.#drop("closed", records.length);
      return;
    }
    const atMs = this.#options.timers.now();
    for (const batch of batchesOf(records)) {
      this.#held.add(encodeBatch(batch), batch.length, atMs);
      this.#options.observer.accepted(batch.length);
    }
    this.#keepBounds();
    if (this.#state === "exiting") this.closeSync(MIN_CLOSE_MS);
    else this.#send();
  }

  lose(reason: string, spans: number): void {
    this.#ended += spans;
    this.#drop(reason, spans);
  }

  flush(deadlineMs: number): Promise<void> {
    if (this.#held.spans === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.timers.after(deadlineMs, () => waiter.done(), true);
      const waiter: Waiter = {
        lastId: this.#held.lastId,
        done: () => {
          cancel();
          this.#waiters.delete(waiter);
          resolve();
        },
      };
      this.#waiters.add(waiter);
      this.#retryNow();
    });
  }

  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  flushSync(deadlineMs: number): void {
    const { timers } = this.#options;
    const endMs = timers.now() + deadlineMs;
    if (this.#state === "closed") return;
    this.#isHopeless = false;
    // A Worker that gives no sign of life leaves half of the time to this thread.
    this.#pushThrough(endMs - deadlineMs / 2);
    if (this.#held.spans === 0 || this.#isHopeless) return;
    this.#held.markAllUnsent();
    this.#keeper.openInThread();
    this.#pushThrough(endMs);
  }

  closeSync(deadlineMs: number): void {
    const { timers } = this.#options;
    const endMs = timers.now() + deadlineMs;
    if (this.#state === "closed") return;
    this.#state = "exiting";
    this.flushSync(deadlineMs);
    this.#tellLoss();
    this.#tellDrops();
    this.#keeper.send({ type: "close" });
    while (this.#keeper.isOpen && timers.now() < endMs) {
      if (!this.#keeper.waitForReply(endMs - timers.now())) break;
    }
    this.#keeper.stop();
  }

  health(): WriterHealth {
    const trouble = this.#trouble;
    return {
      ended: this.#ended,
      committed: this.#committed,
      queued: this.#held.spans,
      dropped: { ...this.#dropped },
      state: this.#state === "closed" ? "closed" : trouble ? "degraded" : "ok",
      lastError: trouble?.message ?? null,
    };
  }

  async #close(deadlineMs: number): Promise<void> {
    const { timers } = this.#options;
    const endMs = timers.now() + deadlineMs;
    await this.flush(Math.max(deadlineMs - MIN_CLOSE_MS, 0));
    if (this.#state !== "open") return;
    this.#state = "closed";
    this.#cancelRetry?.();
    const reason = this.#trouble?.kind ?? "closed";
    const lost = this.#held.spans;
    if (lost > 0)
      this.#options.log.lost(`${lost} spans were not written and are lost (${reason}).`);
    this.#held.markAllUnsent();
    for (let batch = this.#held.nextToSend(); batch; batch = this.#held.nextToSend()) {
      this.#give(batch, reason);
    }
    this.#tellDrops();
    await this.#closeLink(Math.max(endMs - timers.now(), MIN_CLOSE_MS));
    this.#keeper.stop();
  }

  #closeLink(deadlineMs: number): Promise<void> {
    if (!this.#keeper.isOpen) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.timers.after(deadlineMs, () => resolve(), true);
      this.#onLinkEnd = () => {
        cancel();
        resolve();
      };
      this.#keeper.send({ type: "close" });
    });
  }

  /** Blocks until all is written, or the time is over, or the file will not have it. */
  #pushThrough(endMs: number): void {
    const { timers } = this.#options;
    for (;;) {
      this.#cancelRetry?.();
      this.#cancelRetry = null;
      this.#send();
      const leftMs = endMs - timers.now();
      if (this.#held.spans === 0 || leftMs <= 0 || !this.#keeper.waitForReply(leftMs)) return;
      if (this.#isHopeless) return;
      if (this.#trouble) timers.sleep(SYNC_RETRY_MS);
    }
  }

  #send(): void {
    if (this.#cancelRetry || !this.#keeper.isOpen) return;
    // One at a time finds out whether trouble is over.
    const maxSent = this.#trouble ? 1 : MAX_SENT;
    while (this.#held.sent < maxSent) {
      const batch = this.#held.nextToSend();
      if (!batch) return;
      this.#held.markSent(batch);
      this.#keeper.send({ type: "write", id: batch.id, batch: batch.text });
    }
  }

  #reply(reply: LinkReply): void {
    if (reply.type !== "down") this.#hasAnswered = true;
    switch (reply.type) {
      case "opened":
        this.#recovered();
        break;
      case "written":
        this.#written(reply.id, reply.poison);
        break;
      case "failed":
        this.#failed(reply.id, reply.kind, reply.message);
        return;
      case "note":
        this.#options.log.note(reply.message);
        return;
      case "closed":
        this.#onLinkEnd?.();
        return;
      case "down":
        this.#down(reply.message);
        return;
    }
    this.#send();
  }

  #written(id: number, poison: number): void {
    this.#crashes = 0;
    const batch = this.#held.remove(id);
    if (batch) {
      const committed = Math.max(0, batch.spans - poison);
      this.#committed += committed;
      this.#drop("poison", batch.spans - committed);
      this.#observe(batch, null);
    }
    this.#recovered();
    if (this.#isDropUntold) this.#tellDrops();
    this.#wakeWaiters();
  }

  #failed(id: number, kind: StoreErrorKind, message: string): void {
    if (kind === "poison") {
      const batch = this.#held.remove(id);
      if (batch) this.#give(batch, "poison");
      this.#wakeWaiters();
      this.#send();
      return;
    }
    if (id === 0) this.#tellDropsAgain(); // They have no number.
    this.#held.markUnsent(id);
    // Only a lock may be gone soon: a disk or a path is not mended within a deadline.
    this.#isHopeless = kind !== "busy";
    this.#inTrouble(kind, message);
    this.#keepBounds();
    if (this.#isHopeless) for (const waiter of this.#waiters) waiter.done();
    if (this.#cancelRetry || this.#state !== "open") return;
    const maxMs = kind === "busy" ? MAX_BUSY_RETRY_MS : MAX_RETRY_MS;
    const delayMs = Math.min(this.#retryMs, this.#waiters.size > 0 ? FLUSH_RETRY_MS : maxMs);
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
    const jitter = 0.8 + 0.4 * this.#options.random();
    const retry = (): void => this.#retryNow();
    this.#cancelRetry = this.#options.timers.after(delayMs * jitter, retry, false);
  }

  #down(message: string): void {
    const hadWork = this.#hasAnswered && this.#held.sent > 0;
    this.#hasAnswered = false;
    this.#held.markAllUnsent();
    this.#tellDropsAgain();
    this.#crashes += hadWork ? 1 : 0;
    const oldest = this.#held.nextToSend();
    if (this.#crashes >= MAX_CRASHES && oldest) {
      // What takes the Worker down each time must not keep all that comes after it out of the file.
      this.#crashes = 0;
      this.#give(oldest, "link_down");
    }
    this.#inTrouble("link_down", `The Worker that writes spans went down: ${message}.`);
    this.#onLinkEnd?.();
  }

  #retryNow(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#send();
  }

  #inTrouble(kind: TroubleKind, message: string): void {
    this.#trouble = { kind, message };
    const held = `${this.#held.spans} spans are held and tried again.`;
    this.#options.log.trouble(`${message} ${held}`, kind);
  }

  #recovered(): void {
    this.#retryMs = FIRST_RETRY_MS;
    if (!this.#trouble) return;
    this.#trouble = null;
    this.#options.log.recovered("Spans are written again.");
  }

  #keepBounds(): void {
    const reason = this.#trouble?.kind ?? "queue_full";
    let batch = this.#held.oldestBeyondBounds();
    for (; batch; batch = this.#held.oldestBeyondBounds()) this.#give(batch, reason);
    this.#wakeWaiters();
  }

  /** Gives a held batch up. */
  #give(batch: HeldBatch, reason: string): void {
    this.#held.remove(batch.id);
    this.#drop(reason, batch.spans);
    this.#observe(batch, reason);
  }

  /** @returns why what is still held is lost. */
  #tellLoss(): string {
    const reason = this.#trouble?.kind ?? "closed";
    const spans = this.#held.spans;
    if (spans > 0) {
      this.#options.log.lost(`${spans} spans were not written and are lost (${reason}).`);
    }
    return reason;
  }

  #observe({ spans, atMs }: HeldBatch, reason: string | null): void {
    this.#options.observer.finished(spans, this.#options.timers.now() - atMs, reason);
  }

  #drop(reason: string, spans: number): void {
    if (spans === 0) return;
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + spans;
    this.#isDropUntold = true;
  }

  #tellDrops(): void {
    if (!this.#isDropUntold) return;
    this.#isDropUntold = false;
    this.#keeper.send({ type: "drops", totals: { ...this.#dropped } });
  }

  /** The file may not have heard of them. */
  #tellDropsAgain(): void {
    this.#isDropUntold = Object.keys(this.#dropped).length > 0;
  }

  #wakeWaiters(): void {
    for (const waiter of this.#waiters) if (this.#held.firstId > waiter.lastId) waiter.done();
  }
}
