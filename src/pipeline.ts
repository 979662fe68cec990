/** A processor and its exporter, flushed and shut down on their own: none waits for, or fails with, another. */
import { BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { BatchConfig } from "./config.ts";
import { withinDeadline } from "./deadline.ts";

export class Pipeline {
  readonly processor: BatchSpanProcessor;
  readonly #exporter: SpanExporter;

  constructor(exporter: SpanExporter, batch: BatchConfig) {
    this.processor = new BatchSpanProcessor(exporter, batch);
    this.#exporter = exporter;
  }

  /** Never rejects. The processor hands its spans over; what the exporter still holds is its own to flush. */
  async flush(deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    await withinDeadline(this.processor.forceFlush(), deadlineMs);
    const exported = this.#exporter.forceFlush?.() ?? Promise.resolve();
    await withinDeadline(exported, Math.max(0, endMs - performance.now()));
  }

  /** Never rejects. The processor skips its exporter where its last flush failed; a second call changes nothing. */
  async shutdown(deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    await withinDeadline(this.processor.shutdown(), deadlineMs);
    await withinDeadline(this.#exporter.shutdown(), Math.max(0, endMs - performance.now()));
  }
}
