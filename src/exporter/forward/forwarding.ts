/** The outbox of one file, one destination and the forwarder between them, opened and closed as one. */
import { Outbox } from "../../store/outbox.ts";
import type { OtlpProtocol } from "../otlp.ts";
import type { Destination, DestinationOptions } from "./destination.ts";
import {
  type ForwardClock,
  Forwarder,
  type ForwardProgress,
  type RunEnd,
  type RunOptions,
} from "./forwarder.ts";
import { GrpcDestination } from "./grpc-destination.ts";
import { HttpDestination } from "./http-destination.ts";

/** Plain values: they cross to the Worker that forwards. */
export interface ForwardTarget extends DestinationOptions {
  /** The database file. */
  path: string;
  protocol: OtlpProtocol;
  /** Whether retention waits for this destination, within the file's size bound. @default as it was, else false */
  holdsRetention?: boolean | undefined;
  /** Who forwards, so that one that was replaced does not keep its successor waiting. @default a new one */
  holder?: string;
}

/** Named by its process, so that the hold of a dead one is nobody's. */
export function newHolder(): string {
  return `${process.pid}:${crypto.randomUUID()}`;
}

const BUSY_TIMEOUT_MS = 2000;
const REOPEN_MS = 30_000;

/** The machine's. @param holdsProcess whether a wait keeps the process from ending. */
export function systemClock(holdsProcess: boolean): ForwardClock {
  return {
    now: Date.now,
    sleep(ms, signal) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const end = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", end);
          resolve();
        };
        const timer = setTimeout(end, ms);
        if (!holdsProcess) timer.unref();
        signal.addEventListener("abort", end);
      });
    },
  };
}

function isAlive(holder: string): boolean {
  try {
    process.kill(Number.parseInt(holder, 10), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** @throws {Error} with the install command where the protocol's package is missing. */
export function openDestination(target: ForwardTarget): Destination {
  return target.protocol === "grpc"
    ? new GrpcDestination(target)
    : new HttpDestination(target.protocol, target);
}

export interface ForwardingOptions {
  /** @default the machine's, whose waits keep the process from ending */
  clock?: ForwardClock;
  /** Counted on from here. @default nothing yet */
  progress?: ForwardProgress;
}

export class Forwarding {
  readonly #outbox: Outbox;
  readonly #destination: Destination;
  readonly #forwarder: Forwarder;

  /** @throws {Error} where the file cannot be used, or the protocol's package is missing. */
  constructor(
    target: ForwardTarget,
    onProgress: (progress: ForwardProgress) => void,
    { clock = systemClock(true), ...options }: ForwardingOptions = {},
  ) {
    const { path, holdsRetention, holder = newHolder() } = target;
    this.#destination = openDestination(target);
    const { url } = this.#destination;
    this.#outbox = new Outbox({ path, url, busyTimeoutMs: BUSY_TIMEOUT_MS });
    if (holdsRetention !== undefined) this.#outbox.holdRetention(holdsRetention);
    this.#forwarder = new Forwarder({
      outbox: this.#outbox,
      destination: this.#destination,
      holder,
      isAlive,
      clock,
      onProgress,
      ...options,
    });
  }

  /** Stored spans that are still to be sent. */
  pending(): number {
    return this.#outbox.pending(this.#outbox.position().cursor);
  }

  /** Goes to the first span that ended at `sinceMs` or later, whether it was sent before or not. */
  startAt(sinceMs: number): void {
    this.#outbox.startAt(sinceMs);
  }

  run(options: RunOptions): Promise<RunEnd> {
    return this.#forwarder.run(options);
  }

  close(): void {
    this.#destination.close();
    this.#outbox.close();
  }
}

export interface ForwardUntilOptions {
  /** Goes on until then. */
  stop: AbortSignal;
  /** Then sends what is left, as long as the destination takes it, until then. */
  end: AbortSignal;
  clock: ForwardClock;
  /** Counted on from here. */
  progress: ForwardProgress;
  onProgress: (progress: ForwardProgress) => void;
}

/** Forwards, and opens the file again later where it fails. Never rejects. */
export async function forwardUntil(
  target: ForwardTarget,
  { stop, end, clock, onProgress, ...options }: ForwardUntilOptions,
): Promise<void> {
  let { progress } = options;
  const note = (now: ForwardProgress): void => {
    progress = now;
    onProgress(now);
  };
  for (let isStopped = false; !isStopped; ) {
    let forwarding: Forwarding | undefined;
    try {
      forwarding = new Forwarding(target, note, { clock, progress });
      await forwarding.run({ follow: true, patienceMs: Number.POSITIVE_INFINITY, signal: stop });
      await forwarding.run({ follow: false, patienceMs: 0, signal: end });
      isStopped = true;
    } catch (error) {
      note({ ...progress, trouble: error instanceof Error ? error.message : String(error) });
      isStopped = stop.aborted;
      await clock.sleep(REOPEN_MS, stop);
    } finally {
      forwarding?.close();
    }
  }
}
