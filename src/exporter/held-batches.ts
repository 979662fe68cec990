/**
 * The batches that the file has not confirmed yet, in order, within a bound of spans and one of bytes.
 * Beyond a bound the oldest goes: a run's own span, which carries its account, ends last.
 */

export interface HeldBatch {
  readonly id: number;
  readonly text: string;
  readonly bytes: number;
  readonly spans: number;
  /** When it was taken over. */
  readonly atMs: number;
  /** It is on its way: its answer is awaited. */
  isSent: boolean;
}

export interface HeldBounds {
  maxSpans: number;
  /** Of the batches' text, in UTF-8. */
  maxBytes: number;
}

export class HeldBatches {
  readonly #bounds: HeldBounds;
  readonly #batches = new Map<number, HeldBatch>();
  #spans = 0;
  #bytes = 0;
  #sent = 0;
  #lastId = 0;

  constructor(bounds: HeldBounds) {
    this.#bounds = bounds;
  }

  get spans(): number {
    return this.#spans;
  }

  get sent(): number {
    return this.#sent;
  }

  /** The id given last; 0 before the first. */
  get lastId(): number {
    return this.#lastId;
  }

  /** The lowest id that is held; Infinity where none is. */
  get firstId(): number {
    for (const id of this.#batches.keys()) return id;
    return Number.POSITIVE_INFINITY;
  }

  add(text: string, spans: number, atMs: number): HeldBatch {
    this.#lastId += 1;
    const bytes = Buffer.byteLength(text);
    const batch: HeldBatch = { id: this.#lastId, text, bytes, spans, atMs, isSent: false };
    this.#batches.set(batch.id, batch);
    this.#spans += spans;
    this.#bytes += bytes;
    return batch;
  }

  /** The oldest that is not on its way and lies beyond a bound; undefined once the bounds are kept. */
  oldestBeyondBounds(): HeldBatch | undefined {
    const { maxSpans, maxBytes } = this.#bounds;
    if (this.#spans <= maxSpans && this.#bytes <= maxBytes) return undefined;
    return this.nextToSend();
  }

  nextToSend(): HeldBatch | undefined {
    if (this.#sent === this.#batches.size) return undefined;
    for (const batch of this.#batches.values()) if (!batch.isSent) return batch;
    return undefined;
  }

  markSent(batch: HeldBatch): void {
    batch.isSent = true;
    this.#sent += 1;
  }

  /** Its answer was a failure, or never comes: to be sent again. */
  markUnsent(id: number): void {
    const batch = this.#batches.get(id);
    if (!batch?.isSent) return;
    batch.isSent = false;
    this.#sent -= 1;
  }

  markAllUnsent(): void {
    for (const batch of this.#batches.values()) batch.isSent = false;
    this.#sent = 0;
  }

  /** @returns the batch, or undefined where it was not held any more. */
  remove(id: number): HeldBatch | undefined {
    const batch = this.#batches.get(id);
    if (!batch) return undefined;
    this.#batches.delete(id);
    this.#spans -= batch.spans;
    this.#bytes -= batch.bytes;
    if (batch.isSent) this.#sent -= 1;
    return batch;
  }
}
