/**
 * Sends the outbox to one destination, in order, and moves the cursor after each answer: at least
 * once, whatever crashes. "Later" is waited for; what is refused is halved until the spans at fault
 * are found, and only those are passed over, by name.
 */
import type { Outbox, OutboxPosition, Refusal, StoredSpan } from "../../store/outbox.ts";
import { ReplayedSpanReader } from "../replayed-span.ts";
import type { Answer, Destination } from "./destination.ts";

/** What became of the stored spans in this run of a forwarder. */
export interface ForwardProgress {
  /** Spans that the destination took in this run. */
  accepted: number;
  /** Spans that it will not take: named in `forward_refusals`. */
  refused: number;
  /** What holds it up right now, or null. */
  trouble: string | null;
}

export const NOTHING_FORWARDED: ForwardProgress = { accepted: 0, refused: 0, trouble: null };

/** Time, passed in so that tests need not wait. */
export interface ForwardClock {
  now(): number;
  /** Resolves after `ms`, or at once where the signal aborts. Never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface ForwarderOptions {
  outbox: Outbox;
  destination: Destination;
  /** Identifies this process among those that may forward the same file. */
  holder: string;
  /** Whether the process of a holder still runs. */
  isAlive: (holder: string) => boolean;
  clock: ForwardClock;
  /** Counted on from here: a run is one although its file had to be opened again. @default nothing yet */
  progress?: ForwardProgress;
  onProgress: (progress: ForwardProgress) => void;
}

export interface RunOptions {
  /** Whether to go on waiting for new spans once all are sent. */
  follow: boolean;
  /** Gives up after so long without any span getting through. */
  patienceMs: number;
  /** Ends the run; the cursor stands after the last answer. */
  signal: AbortSignal;
}

export type RunEnd =
  /** All that was stored has been dealt with. */
  | "done"
  | "stopped"
  /** Another process forwards to this destination. */
  | "held"
  /** Nothing got through within the patience; `trouble` says why. */
  | "gave_up";

/** OTLP receivers take 4 MiB (gRPC) to 20 MiB (HTTP) and protobuf is no larger than what is stored. */
const MAX_REQUEST_BYTES = 1024 * 1024;
const MAX_REQUEST_SPANS = 512;
const POLL_MS = 1000;
const HOLD_MS = 60_000;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;
/** A server may ask for more patience than this; it is then asked again sooner. */
const MAX_RETRY_AFTER_MS = 3_600_000;

type Delivery = "delivered" | "later" | "moved";

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #reader = new ReplayedSpanReader();
  #progress: ForwardProgress;
  #failures = 0;
  #waitMs = 0;
  /** Until then the destination has asked to be left alone, also by a last try of a host that ends. */
  #notBeforeMs = 0;
  #heldUntilMs = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#progress = options.progress ?? NOTHING_FORWARDED;
  }

  get progress(): ForwardProgress {
    return this.#progress;
  }

  /** Never rejects for what the destination does. @throws {StoreError} where the file fails. */
  async run({ follow, patienceMs, signal }: RunOptions): Promise<RunEnd> {
    const { outbox, clock, holder } = this.#options;
    let sinceMs = clock.now();
    try {
      while (!signal.aborted) {
        const position = this.#hold() ? outbox.position() : null;
        if (position === null && !follow) return "held";
        const spans = position
          ? outbox.read(position.cursor, MAX_REQUEST_SPANS, MAX_REQUEST_BYTES)
          : [];
        if (position === null || spans.length === 0) {
          if (this.#progress.trouble !== null) this.#tell(null);
          if (!follow) return "done";
          await clock.sleep(POLL_MS, signal);
          sinceMs = clock.now();
          continue;
        }
        const acceptedBefore = this.#progress.accepted;
        const isEarly = clock.now() < this.#notBeforeMs;
        const delivery = isEarly ? "later" : await this.#deliver(position, spans, signal);
        if (delivery === "delivered" || this.#progress.accepted > acceptedBefore) {
          sinceMs = clock.now();
        }
        if (delivery !== "later") continue;
        if (clock.now() + this.#waitMs - sinceMs > patienceMs) return "gave_up";
        await this.#wait(signal);
      }
      return "stopped";
    } finally {
      this.#heldUntilMs = 0;
      outbox.release(holder);
    }
  }

  /** Leaves the destination alone, and keeps it meanwhile: what it asked for, others have not heard. */
  async #wait(signal: AbortSignal): Promise<void> {
    const stepMs = HOLD_MS / 2;
    for (let leftMs = this.#waitMs; leftMs > 0 && this.#hold(); leftMs -= stepMs) {
      await this.#options.clock.sleep(Math.min(leftMs, stepMs), signal);
      if (signal.aborted) return;
    }
    this.#notBeforeMs = 0;
  }

  /** Renewed now and then only: each time is a write to the file. */
  #hold(): boolean {
    const { outbox, clock, holder, isAlive } = this.#options;
    const nowMs = clock.now();
    if (this.#heldUntilMs - nowMs > HOLD_MS / 2) return true;
    const isHeld = outbox.hold(holder, nowMs, nowMs + HOLD_MS, isAlive);
    this.#heldUntilMs = isHeld ? nowMs + HOLD_MS : 0;
    return isHeld;
  }

  /** Sends a batch, or the parts of it that are taken, and confirms each part as it is answered. */
  async #deliver(
    position: OutboxPosition,
    batch: StoredSpan[],
    signal: AbortSignal,
  ): Promise<Delivery> {
    const parts = [batch];
    for (let part = parts.shift(); part; part = parts.shift()) {
      if (signal.aborted) return "moved";
      let answer = await this.#send(part);
      if (answer.kind === "refused" && part.length > 1) {
        const middle = part.length >> 1;
        parts.unshift(part.slice(0, middle), part.slice(middle));
        continue;
      }
      if (answer.kind === "refused") answer = await this.#secondTry(part, parts, answer);
      if (answer.kind === "later") return this.#later(answer);
      if (!this.#confirm(position, part, answer)) return "moved";
    }
    return "delivered";
  }

  /**
   * A span is passed over only if it is refused twice while the destination takes something else: a
   * destination that takes nothing at all is waited for. An empty request, which a collector answers
   * by itself, is something else only where the spans are blamed.
   */
  async #secondTry(
    part: StoredSpan[],
    others: StoredSpan[][],
    first: Answer & { kind: "refused" },
  ): Promise<Answer> {
    for (const other of first.blamesSpans ? [...others.slice(0, 1), []] : others) {
      const answer = await this.#send(other);
      if (answer.kind === "later") return answer;
      if (answer.kind === "accepted") return this.#send(part);
    }
    return { kind: "later", afterMs: null, reason: first.reason };
  }

  async #send(spans: StoredSpan[]): Promise<Answer> {
    this.#hold(); // Until the answer: there may be many requests to a batch.
    try {
      return await this.#options.destination.send(spans.map((span) => this.#reader.span(span)));
    } catch (error) {
      const reason = `It cannot be encoded: ${String(error)}`;
      return { kind: "refused", blamesSpans: true, reason };
    }
  }

  #confirm(position: OutboxPosition, part: StoredSpan[], answer: Answer): boolean {
    const [first] = part;
    const last = part.at(-1);
    if (!first || !last) return true;
    const refused =
      answer.kind === "accepted" ? Math.min(answer.rejectedSpans, part.length) : part.length;
    const refusals: Refusal[] =
      refused === 0
        ? []
        : [{ traceId: first.traceId, spanId: first.spanId, spans: refused, reason: answer.reason }];
    const accepted = part.length - refused;
    const { outbox, clock } = this.#options;
    if (!outbox.confirm(position, { cursor: last.id, accepted, refusals }, clock.now()))
      return false;
    this.#failures = 0;
    this.#tell(null, accepted, refused);
    return true;
  }

  #later({ afterMs, reason }: Answer & { kind: "later" }): "later" {
    const backoffMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS);
    this.#failures += 1;
    // A fifth either way, so that many hosts do not come back at the same moment.
    const jitteredMs = Math.round(backoffMs * (0.8 + Math.random() * 0.4));
    this.#waitMs = afterMs === null ? jitteredMs : Math.min(afterMs, MAX_RETRY_AFTER_MS);
    this.#notBeforeMs = afterMs === null ? 0 : this.#options.clock.now() + this.#waitMs;
    this.#tell(reason);
    return "later";
  }

  #tell(trouble: string | null, nowAccepted = 0, nowRefused = 0): void {
    const { accepted, refused } = this.#progress;
    this.#progress = { accepted: accepted + nowAccepted, refused: refused + nowRefused, trouble };
    this.#options.onProgress(this.#progress);
  }
}
