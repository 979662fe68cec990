/** What the Worker does with a batch, without the Worker: the path that ingest is measured on. */
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { BundledPrices } from "../../src/exporter/prices/bundled-prices.ts";
import { encodeBatch } from "../../src/exporter/span-batch.ts";
import { spanRecord } from "../../src/exporter/span-record.ts";
import { SpanRowReader } from "../../src/exporter/span-row.ts";
import { answer, StoreSession } from "../../src/exporter/store-session.ts";

const RETENTION_MS = 3650 * 86_400_000;
/** The traces are of a past day; nothing is old enough to be purged. */
const NOW_MS = Date.UTC(2027, 0, 1);

export function encoded(spans: readonly ReadableSpan[]): string {
  return encodeBatch(spans.map((span) => spanRecord(span, NOW_MS)));
}

export class BatchWriter {
  readonly #session: StoreSession;
  readonly #beganMs = performance.now();

  constructor(path: string) {
    const options = {
      path,
      writer: "bench",
      retentionMs: RETENTION_MS,
      maxDbBytes: 0,
      prices: null,
      busyTimeoutMs: 250,
    };
    const note = (message: string): void => console.error(message);
    const now = (): number => NOW_MS + performance.now() - this.#beganMs;
    this.#session = new StoreSession(options, new SpanRowReader(new BundledPrices()), note, now);
  }

  /** Decodes, reads facts, prices, writes, settles, and checkpoints where it is due. */
  write(batch: string): void {
    const reply = answer(this.#session, { type: "write", id: 1, batch });
    if (reply?.type !== "written") throw new Error(JSON.stringify(reply));
    while (this.#session.upkeep() === 0);
  }

  close(): void {
    this.#session.close();
  }
}
