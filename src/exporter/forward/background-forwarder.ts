/**
 * Forwarding inside a host: in a Worker, or, where that cannot be started (a bundle without the
 * Worker's file), on the host's own thread, between its own work.
 */
import { context } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import type { StateLog } from "../state-log.ts";
import { workerError } from "../worker-error.ts";
import type { ForwardProgress } from "./forwarder.ts";
import { type ForwardTarget, forwardUntil, systemClock } from "./forwarding.ts";
import type { FromWorker, ToWorker } from "./spanledger-forward-worker.ts";

export class BackgroundForwarder {
  readonly #target: ForwardTarget;
  readonly #log: StateLog;
  readonly #stop = new AbortController();
  readonly #end = new AbortController();
  readonly #stopped = Promise.withResolvers<void>();
  #worker: Worker | null = null;
  #progress: ForwardProgress = { accepted: 0, refused: 0, trouble: null };

  constructor(target: ForwardTarget, log: StateLog) {
    this.#target = target;
    this.#log = log;
    this.#start();
  }

  /** What became of the stored spans in this run. */
  progress(): ForwardProgress {
    return { ...this.#progress };
  }

  /** Sends what is left, as long as the destination takes it, and ends within `deadlineMs`. Never rejects. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stop.abort();
    const timer = setTimeout(() => {
      this.#end.abort();
      this.#stopped.resolve();
    }, deadlineMs);
    this.#say({ kind: "stop", deadlineMs });
    await this.#stopped.promise;
    clearTimeout(timer);
  }

  #start(): void {
    let isReady = false;
    try {
      // Without an extension: beside a bundle it may have become a `.js`.
      const url = new URL("./spanledger-forward-worker", import.meta.url).href;
      const worker = new Worker(url, { ref: false });
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        if (data.kind === "progress") this.#note(data.progress);
        if (data.kind === "stopped") {
          this.#stopped.resolve();
          worker.terminate(); // Its database is closed.
        }
        isReady = true;
      };
      worker.onerror = (event) => {
        event.preventDefault();
        if (this.#worker !== worker) return;
        this.#worker = null;
        if (isReady) {
          this.#log.trouble(`The Worker that forwards spans failed: ${workerError(event.message)}`);
          this.#stopped.resolve();
        } else {
          this.#startHere();
        }
      };
      worker.unref();
      this.#worker = worker;
      this.#say({ kind: "start", target: this.#target });
    } catch {
      this.#startHere();
    }
  }

  #startHere(): void {
    const note = (progress: ForwardProgress): void => this.#note(progress);
    // Its requests are no spans of the host's, which would be stored, and forwarded, and so on.
    const untraced = suppressTracing(context.active());
    const run = context.with(untraced, () =>
      forwardUntil(this.#target, this.#stop.signal, this.#end.signal, note, systemClock(false)),
    );
    run.then(this.#stopped.resolve, this.#stopped.resolve);
  }

  #say(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #note(progress: ForwardProgress): void {
    const refusedMore = progress.refused - this.#progress.refused;
    this.#progress = progress;
    if (refusedMore > 0) {
      this.#log.note(
        `The OTLP destination refused ${refusedMore} spans; see the table forward_refusals.`,
      );
    }
    if (progress.trouble === null) this.#log.recovered("Spans are forwarded again.");
    else this.#log.trouble(`Stored spans wait to be forwarded: ${progress.trouble}.`);
  }
}
