/**
 * Forwarding inside a host: in a Worker, or, where that cannot be started (a bundle without the
 * Worker's file), on the host's own thread, between its own work.
 */
import { context } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import type { StateLog } from "../state-log.ts";
import { workerError } from "../worker-error.ts";
import { type ForwardProgress, NOTHING_FORWARDED } from "./forwarder.ts";
import { type ForwardTarget, forwardUntil, newHolder, systemClock } from "./forwarding.ts";
import type { FromWorker, ToWorker } from "./spanledger-forward-worker.ts";

const RESTART_MS = 30_000;

/** Without an extension: beside a bundle it may have become a `.js`. */
export function startForwardWorker(): Worker {
  return new Worker(new URL("./spanledger-forward-worker", import.meta.url).href, { ref: false });
}

export interface BackgroundOptions {
  /** @default `startForwardWorker` */
  startWorker?: () => Worker;
  /** How long after a Worker failed another one takes its place. @default 30000 */
  restartMs?: number;
}

export class BackgroundForwarder {
  readonly #target: ForwardTarget;
  readonly #log: StateLog;
  readonly #startWorker: () => Worker;
  readonly #restartMs: number;
  readonly #stop = new AbortController();
  readonly #end = new AbortController();
  readonly #stopped = Promise.withResolvers<void>();
  #worker: Worker | null = null;
  #restart: NodeJS.Timeout | null = null;
  #progress = NOTHING_FORWARDED;

  constructor(
    target: ForwardTarget,
    log: StateLog,
    { startWorker = startForwardWorker, restartMs = RESTART_MS }: BackgroundOptions = {},
  ) {
    this.#target = { ...target, holder: newHolder() };
    this.#log = log;
    this.#startWorker = startWorker;
    this.#restartMs = restartMs;
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
    if (this.#restart === null) this.#say({ kind: "stop", deadlineMs });
    else this.#stopped.resolve(); // The next start of the host goes on.
    await this.#stopped.promise;
    clearTimeout(timer);
    if (this.#restart !== null) clearTimeout(this.#restart);
  }

  #start(): void {
    let isReady = false;
    try {
      const worker = this.#startWorker();
      const isDown = (reason: string): void => {
        if (this.#worker !== worker) return;
        this.#worker = null;
        if (isReady) this.#restartAfter(reason);
        else this.#startHere();
      };
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        isReady = true;
        if (data.kind === "progress") this.#note(data.progress);
        if (data.kind !== "stopped") return;
        this.#worker = null;
        this.#stopped.resolve();
        worker.terminate(); // Its database is closed.
      };
      worker.onerror = (event) => {
        event.preventDefault();
        isDown(workerError(event.message));
      };
      worker.addEventListener("close", () => isDown("it ended"));
      worker.unref();
      this.#worker = worker;
      this.#say({ kind: "start", target: this.#target, progress: this.#progress });
    } catch {
      this.#startHere();
    }
  }

  #restartAfter(reason: string): void {
    this.#note({ ...this.#progress, trouble: `the Worker that forwards failed: ${reason}` });
    if (this.#stop.signal.aborted) {
      this.#stopped.resolve();
      return;
    }
    this.#restart = setTimeout(() => {
      this.#restart = null;
      this.#start();
    }, this.#restartMs);
    this.#restart.unref();
  }

  #startHere(): void {
    // Its requests are no spans of the host's, which would be stored, and forwarded, and so on.
    const untraced = suppressTracing(context.active());
    const run = context.with(untraced, () =>
      forwardUntil(this.#target, {
        ...{ stop: this.#stop.signal, end: this.#end.signal },
        clock: systemClock(false),
        progress: this.#progress,
        onProgress: (progress) => this.#note(progress),
      }),
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
      const spans = refusedMore === 1 ? "1 span" : `${refusedMore} spans`;
      this.#log.note(`The OTLP destination refused ${spans}; see the table forward_refusals.`);
    }
    if (progress.trouble === null) this.#log.recovered("Spans are forwarded again.");
    else this.#log.trouble(`Stored spans wait to be forwarded: ${progress.trouble}.`);
  }
}
