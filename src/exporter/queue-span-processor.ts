/**
 * A `BatchSpanProcessor` that keeps the promises which the SDK's own does not: `span.end()` only puts
 * the span into a queue and never runs an export; what the queue cannot hold is counted; `forceFlush`
 * waits for the file, and `shutdown` always closes it. Neither ever rejects.
 */
import { TraceFlags } from "@opentelemetry/api";
import { BatchSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { drainAtExit } from "./exit-drain.ts";
import type { WriterHealth } from "./span-writer.ts";
import type { WriterSpanExporter } from "./writer-span-exporter.ts";

export interface QueueSpanProcessorOptions {
  /** Spans that may wait for their export; one more drops the oldest. */
  maxQueueSize: number;
  /** Spans in one export, which takes one turn of the event loop. */
  maxExportBatchSize: number;
  /** How long a span waits for others. */
  scheduledDelayMillis: number;
  /** How long spans wait for their resource's asynchronous attributes. */
  exportTimeoutMillis: number;
  /** Whether SIGTERM, SIGINT and SIGHUP drain the queue too. */
  flushOnSignals: boolean;
}

type Resource = ReadableSpan["resource"];

/** The resource that `span` waits for, if any. A resource may be the host's own, and throw. */
function pendingResource(span: ReadableSpan | undefined): Resource | undefined {
  try {
    return span?.resource.asyncAttributesPending ? span.resource : undefined;
  } catch {
    return undefined; // The export counts it.
  }
}

async function attributesOf(resource: Resource): Promise<void> {
  try {
    await resource.waitForAsyncAttributes?.();
  } catch {
    // It says what it knows.
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class QueueSpanProcessor extends BatchSpanProcessor {
  readonly #exporter: WriterSpanExporter;
  readonly #options: QueueSpanProcessorOptions;
  #queue: ReadableSpan[] = [];
  /** Where the queue begins: what stands before it was dropped. */
  #first = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isTimerSoon = false;
  #shutdown: Promise<void> | null = null;
  /** No timer fires any more. */
  #isExiting = false;
  readonly #settledResources = new WeakSet<Resource>();
  readonly #leaveProcess: () => void;

  constructor(exporter: WriterSpanExporter, options: QueueSpanProcessorOptions) {
    super(exporter, { ...options });
    this.#exporter = exporter;
    this.#options = options;
    this.#leaveProcess = drainAtExit(this, options.flushOnSignals);
  }

  override onEnd(span: ReadableSpan): void {
    if (!this.#isSampled(span)) return;
    if (this.#shutdown) {
      this.#exporter.lose("closed", 1);
      return;
    }
    this.#queue.push(span);
    const size = this.#queue.length - this.#first;
    if (size > this.#options.maxQueueSize) this.#dropOldest();
    if (this.#isExiting) this.#exportBatch();
    else if (size >= this.#options.maxExportBatchSize) this.#plan(true);
    else if (!this.#timer) this.#plan(false);
  }

  /** Resolves once every span that ended is in the file, or at the exporter's deadline. Never rejects. */
  override async forceFlush(): Promise<void> {
    if (this.#shutdown) return this.#shutdown;
    await this.#exportAll();
    await this.#exporter.forceFlush();
  }

  /** Flushes and closes the file. Never rejects; a second call returns the first one's promise. */
  override shutdown(): Promise<void> {
    this.#shutdown ??= this.#exportAll()
      .then(() => this.#exporter.shutdown())
      .then(() => this.#leaveProcess());
    return this.#shutdown;
  }

  /** As `forceFlush`, but blocks this thread, at most `deadlineMs`. */
  flushSync(deadlineMs: number): void {
    while (this.#queued > 0) this.#exportBatch();
    this.#exporter.flushSync(deadlineMs);
  }

  /** As `flushSync`, and closes the file: for the `exit` of the process. */
  closeSync(deadlineMs: number): void {
    this.#isExiting = true;
    while (this.#queued > 0) this.#exportBatch();
    this.#exporter.closeSync(deadlineMs);
  }

  /** What became of the spans: ended = committed + queued + the sum of dropped. */
  health(): WriterHealth {
    const health = this.#exporter.health();
    const queued = this.#queued;
    return { ...health, ended: health.ended + queued, queued: health.queued + queued };
  }

  /** What throws in here would be thrown by the host's `span.end()`. */
  #isSampled(span: ReadableSpan): boolean {
    try {
      return (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
    } catch {
      this.#exporter.lose("unreadable", 1);
      return false;
    }
  }

  get #queued(): number {
    return this.#queue.length - this.#first;
  }

  #dropOldest(): void {
    this.#first += 1;
    this.#exporter.lose("queue_full", 1);
    if (this.#first < this.#options.maxQueueSize) return;
    this.#queue = this.#queue.slice(this.#first);
    this.#first = 0;
  }

  #plan(isSoon: boolean): void {
    if (this.#timer && (this.#isTimerSoon || !isSoon)) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#isTimerSoon = isSoon;
    this.#timer = setTimeout(
      () => this.#onTimer(),
      isSoon ? 0 : this.#options.scheduledDelayMillis,
    );
    this.#timer.unref();
  }

  async #onTimer(): Promise<void> {
    await this.#resourceSettled();
    this.#exportBatch();
    this.#timer = null;
    if (this.#queued > 0) this.#plan(true);
  }

  /** In turns, so that a full queue does not hold up the event loop. */
  async #exportAll(): Promise<void> {
    await this.#resourceSettled();
    for (let left = this.#queued; left > 0; left -= this.#options.maxExportBatchSize) {
      this.#exportBatch();
      await nextTurn();
    }
  }

  #exportBatch(): void {
    const end = this.#first + this.#options.maxExportBatchSize;
    const spans = this.#queue.slice(this.#first, end);
    this.#first += spans.length;
    if (this.#first === this.#queue.length) {
      this.#queue = [];
      this.#first = 0;
    }
    if (spans.length === 0) return;
    this.#exporter.export(spans, () => {}); // It makes no calls that could be traced.
  }

  /** A resource's detectors may still be at work; one that never ends is waited for once. */
  async #resourceSettled(): Promise<void> {
    const resource = pendingResource(this.#queue[this.#first]);
    if (!resource || this.#settledResources.has(resource)) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.exportTimeoutMillis);
      timer.unref();
    });
    await Promise.race([attributesOf(resource), timeout]);
    clearTimeout(timer);
    this.#settledResources.add(resource);
  }
}
