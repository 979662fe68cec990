/** Long enough to get on, short enough that a writer in another process hardly notices. */
const TARGET_MS = 4;
const MIN_ROWS = 16;
const MAX_ROWS = 4000;

/** How many rows a transaction may touch, so that it holds the write lock for a few milliseconds. */
export class ChunkSize {
  #rows = 200;

  get rows(): number {
    return this.#rows;
  }

  /** Learns from how long a full chunk took. */
  learn(tookMs: number): void {
    if (tookMs > TARGET_MS) this.#rows = Math.max(MIN_ROWS, Math.floor(this.#rows / 2));
    else if (tookMs < TARGET_MS / 2) {
      this.#rows = Math.min(MAX_ROWS, Math.ceil(this.#rows * 1.25));
    }
  }
}
