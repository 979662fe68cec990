/**
 * A link whose connection lives in a Worker. Replies come through a port of their own, because a port
 * can also be read while this thread is blocked: that is what the drain at the end of a process does.
 */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type {
  LinkReply,
  StoreLink,
  StoreReply,
  StoreRequest,
  StoreSessionOptions,
} from "./store-link.ts";
import { workerError } from "./worker-error.ts";

/** The cells of the memory that both sides share. */
export const REPLY_COUNT = 0;
export const IS_ABANDONED = 1;

/** The first message to the Worker, on its own port; all others go through `port`. */
export interface WorkerStart {
  options: StoreSessionOptions;
  port: MessagePort;
  shared: Int32Array;
}

/**
 * Without an extension, so that it is found beside a bundle too, where it has become a `.js`. The
 * name is ours alone, so that no other file of a host is run by mistake.
 */
export function startWorker(): Worker {
  return new Worker(new URL("./spanledger-worker", import.meta.url).href, { ref: false });
}

export class WorkerLink implements StoreLink {
  readonly #onReply: (reply: LinkReply) => void;
  readonly #shared: Int32Array = new Int32Array(new SharedArrayBuffer(8));
  readonly #port: MessagePort;
  #isOver = false;

  constructor(
    options: StoreSessionOptions,
    onReply: (reply: LinkReply) => void,
    start: () => Worker = startWorker,
  ) {
    this.#onReply = onReply;
    const { port1, port2 } = new MessageChannel() as unknown as Record<
      "port1" | "port2",
      MessagePort
    >;
    this.#port = port1;
    const worker = start();
    worker.addEventListener("error", (event) => this.#down(workerError(event.message)));
    worker.addEventListener("close", () => this.#down("it ended"));
    port1.on("message", (reply: StoreReply) => this.#reply(reply));
    const message: WorkerStart = { options, port: port2, shared: this.#shared };
    worker.postMessage(message, [port2]);
    port1.unref();
    worker.unref();
  }

  send(request: StoreRequest): void {
    this.#port.postMessage(request);
  }

  waitForReply(timeoutMs: number): boolean {
    const endMs = performance.now() + timeoutMs;
    while (!this.#isOver) {
      const count = Atomics.load(this.#shared, REPLY_COUNT);
      const received = receiveMessageOnPort(this.#port) as { message: StoreReply } | undefined;
      if (received) {
        this.#reply(received.message);
        return true;
      }
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) return false;
      Atomics.wait(this.#shared, REPLY_COUNT, count, leftMs);
    }
    return false;
  }

  abandon(): void {
    this.#isOver = true;
    Atomics.store(this.#shared, IS_ABANDONED, 1);
    this.#port.close();
  }

  #reply(reply: StoreReply): void {
    if (this.#isOver) return;
    if (reply.type === "closed") {
      this.#isOver = true;
      this.#port.close();
    }
    this.#onReply(reply);
  }

  #down(message: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#port.close();
    this.#onReply({ type: "down", message });
  }
}
