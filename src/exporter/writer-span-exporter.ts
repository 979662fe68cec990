/**
 * The `SpanExporter` that hands finished spans to a writer. To the letter of the exporter contract:
 * it never throws, never changes a span, calls back exactly once, serves concurrent exports and
 * refuses after shutdown. SUCCESS means that the writer holds the batch: the SDK would drop it on
 * FAILED, and the writer is the one who retries.
 */
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import { type SpanRecord, spanRecord } from "./span-record.ts";
import type { SpanWriter, WriterHealth } from "./span-writer.ts";

/** How long `forceFlush` and `shutdown` may take at the most. */
const DEADLINE_MS = 5000;

export class WriterSpanExporter implements SpanExporter {
  readonly #writer: SpanWriter;
  readonly #now: () => number;
  #unreadable = 0;
  #isShutdown = false;

  constructor(writer: SpanWriter, now: () => number) {
    this.#writer = writer;
    this.#now = now;
  }

  export(spans: ReadableSpan[], resultCallback: (result: ExportResult) => void): void {
    resultCallback(this.#handOver(spans));
  }

  /** Resolves once all that was exported is in the file, or at the deadline. Never rejects. */
  forceFlush(): Promise<void> {
    return this.#writer.flush(DEADLINE_MS);
  }

  /** Flushes and closes the file. Never rejects; a second call does the same as the first. */
  shutdown(): Promise<void> {
    this.#isShutdown = true;
    return this.#writer.close(DEADLINE_MS);
  }

  health(): WriterHealth {
    const health = this.#writer.health();
    if (this.#unreadable === 0) return health;
    return {
      ...health,
      ended: health.ended + this.#unreadable,
      dropped: { ...health.dropped, unreadable: this.#unreadable },
    };
  }

  #handOver(spans: readonly ReadableSpan[]): ExportResult {
    if (this.#isShutdown) {
      return { code: ExportResultCode.FAILED, error: new Error("The span exporter is shut down") };
    }
    const nowMs = this.#now();
    const records: SpanRecord[] = [];
    for (const span of spans) {
      try {
        records.push(spanRecord(span, nowMs));
      } catch {
        this.#unreadable += 1; // A span whose own getters throw costs its batch-mates nothing.
      }
    }
    this.#writer.accept(records);
    return { code: ExportResultCode.SUCCESS };
  }
}
