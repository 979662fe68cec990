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
const DEADLINE_MS = 9000;

export class WriterSpanExporter implements SpanExporter {
  readonly #writer: SpanWriter;
  readonly #now: () => number;
  #isShutdown = false;

  constructor(writer: SpanWriter, now: () => number) {
    this.#writer = writer;
    this.#now = now;
  }

  export(spans: readonly ReadableSpan[], resultCallback: (result: ExportResult) => void): void {
    const result = this.#handOver(spans);
    try {
      resultCallback(result);
    } catch {
      // The caller's own trouble: it must not look like ours to whoever ends a span.
    }
  }

  /** Resolves once all that was exported is in the file, or at the deadline (9 s). Never rejects. */
  forceFlush(): Promise<void> {
    return this.#writer.flush(DEADLINE_MS);
  }

  /** Flushes and closes the file (at most 9 s). Never rejects; a second call does the same as the first. */
  shutdown(): Promise<void> {
    this.#isShutdown = true;
    return this.#writer.close(DEADLINE_MS);
  }

  /** Blocks until all that was exported is in the file, at most `deadlineMs`. */
  flushSync(deadlineMs: number): void {
    this.#writer.flushSync(deadlineMs);
  }

  /** As `flushSync`, and closes the file: for the `exit` of the process. */
  closeSync(deadlineMs: number): void {
    this.#writer.closeSync(deadlineMs);
  }

  /** Counts spans that ended but were never exported. */
  lose(reason: string, spans: number): void {
    this.#writer.lose(reason, spans);
  }

  health(): WriterHealth {
    return this.#writer.health();
  }

  #handOver(spans: readonly ReadableSpan[]): ExportResult {
    if (this.#isShutdown) {
      this.#writer.lose("closed", spans.length);
      return { code: ExportResultCode.FAILED, error: new Error("The span exporter is shut down") };
    }
    const nowMs = this.#now();
    const records: SpanRecord[] = [];
    for (const span of spans) {
      try {
        records.push(spanRecord(span, nowMs));
      } catch {
        this.#writer.lose("unreadable", 1); // Its own getters throw: its batch-mates go on without it.
      }
    }
    try {
      this.#writer.accept(records);
      return { code: ExportResultCode.SUCCESS };
    } catch (cause) {
      const error = new Error("The spans cannot be handed over", { cause });
      return { code: ExportResultCode.FAILED, error };
    }
  }
}
