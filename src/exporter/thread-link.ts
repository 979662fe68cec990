/**
 * A link whose connection lives in this thread: where no Worker can start, and at the very end of a
 * process. It works in short slices on later turns of the event loop, and hardly waits for a lock.
 */
import { decodeBatch } from "./span-batch.ts";
import type { SpanRecord } from "./span-record.ts";
import type { LinkReply, StoreLink, StoreRequest } from "./store-link.ts";
import { answer, failedReply, type StoreSession } from "./store-session.ts";

/** Rows in one slice: a few milliseconds of the host's thread. */
const SLICE_ROWS = 64;

/** A batch in the making. */
interface Progress {
  id: number;
  records: SpanRecord[];
  written: number;
  committed: number;
  poison: number;
}

const NOTHING_YET = { written: 0, committed: 0, poison: 0 };

export class ThreadLink implements StoreLink {
  readonly #session: StoreSession;
  readonly #onReply: (reply: LinkReply) => void;
  readonly #requests: StoreRequest[] = [];
  #progress: Progress | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isOver = false;

  constructor(session: StoreSession, onReply: (reply: LinkReply) => void) {
    this.#session = session;
    this.#onReply = onReply;
  }

  send(request: StoreRequest): void {
    this.#requests.push(request);
    this.#plan(0);
  }

  waitForReply(timeoutMs: number): boolean {
    const endMs = performance.now() + timeoutMs;
    while (this.#isBusy() && performance.now() < endMs) if (this.#work()) return true;
    return false;
  }

  abandon(): void {
    this.#isOver = true;
    this.#session.close();
  }

  #isBusy(): boolean {
    return !this.#isOver && (this.#progress !== null || this.#requests.length > 0);
  }

  #plan(delayMs: number): void {
    if (this.#isOver || (this.#timer && delayMs > 0)) return;
    if (this.#timer) clearTimeout(this.#timer); // It may be waiting for upkeep.
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#isBusy()) this.#work();
      this.#plan(this.#isBusy() ? 0 : this.#session.upkeep());
    }, delayMs);
    this.#timer.unref();
  }

  /** One slice. @returns whether a reply was delivered. */
  #work(): boolean {
    const request = this.#progress ? undefined : this.#requests.shift();
    if (request && request.type !== "write") return this.#reply(answer(this.#session, request));
    const id = this.#progress?.id ?? request?.id ?? 0;
    let reply: LinkReply;
    try {
      this.#progress ??= { id, records: decodeBatch(request?.batch ?? ""), ...NOTHING_YET };
      if (!this.#writeSlice(this.#progress)) return false;
      const { committed, poison } = this.#progress;
      reply = { type: "written", id, committed, poison };
    } catch (error) {
      reply = failedReply(id, error);
    }
    this.#progress = null;
    return this.#reply(reply);
  }

  /** @returns whether the batch is complete. */
  #writeSlice(progress: Progress): boolean {
    const slice = progress.records.slice(progress.written, progress.written + SLICE_ROWS);
    const { committed, poison } = this.#session.write(slice);
    progress.written += slice.length;
    progress.committed += committed;
    progress.poison += poison;
    return progress.written === progress.records.length;
  }

  #reply(reply: LinkReply | null): boolean {
    if (!reply || this.#isOver) return false;
    if (reply.type === "closed") this.#isOver = true;
    this.#onReply(reply);
    return true;
  }
}
