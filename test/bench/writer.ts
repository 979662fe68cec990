/** What the Worker does with a batch, without the Worker: the path that ingest is measured on. */
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { BundledPrices } from "../../src/exporter/prices/bundled-prices.ts";
import { encodeBatch } from "../../src/exporter/span-batch.ts";
import { spanRecord } from "../../src/exporter/span-record.ts";
import { SpanRowReader } from "../../src/exporter/span-row.ts";
import { answer, StoreSession } from "../../src/exporter/store-session.ts";

const RETENTION_MS = 3650 * 86_400_000;
/** The clock of a batch: when its last span ended. */
export function endMs(spans: readonly ReadableSpan[]): number {
  const [s = 0, ns = 0] = spans.at(-1)?.endTime ?? [];
  return s * 1000 + Math.ceil(ns / 1e6);
}

export function encoded(spans: readonly ReadableSpan[]): string {
  return encodeBatch(spans.map((span) => spanRecord(span, endMs(spans))));
}

export class BatchWriter {
  readonly #session: StoreSession;
  #nowMs = 0;

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
    const reader = new SpanRowReader(new BundledPrices());
    this.#session = new StoreSession(options, reader, note, () => this.#nowMs);
  }

  /** Decodes, reads facts, prices, writes, settles, and checkpoints where it is due. */
  write(batch: string, nowMs: number): void {
    this.#nowMs = nowMs;
    const reply = answer(this.#session, { type: "write", id: 1, batch });
    if (reply?.type !== "written" || reply.poison > 0) throw new Error(JSON.stringify(reply));
    while (this.#session.upkeep() === 0);
  }

  close(): void {
    this.#session.close();
  }
}
