/** The Worker that forwards, so that reading, encoding and waiting cost the host nothing. */
import type { ForwardProgress } from "./forwarder.ts";
import { type ForwardTarget, forwardUntil, systemClock } from "./forwarding.ts";

export type ToWorker =
  | { kind: "start"; target: ForwardTarget; progress: ForwardProgress }
  /** Sends what is left, for at most `deadlineMs`, and ends. */
  | { kind: "stop"; deadlineMs: number };

export type FromWorker =
  | { kind: "ready" }
  | { kind: "progress"; progress: ForwardProgress }
  | { kind: "stopped" };

declare const self: Worker;

const stop = new AbortController();
const end = new AbortController();
const say = (message: FromWorker): void => self.postMessage(message);

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "stop") {
    stop.abort();
    setTimeout(() => end.abort(), data.deadlineMs).unref();
    return;
  }
  await forwardUntil(data.target, {
    ...{ stop: stop.signal, end: end.signal },
    clock: systemClock(false),
    progress: data.progress,
    onProgress: (progress) => say({ kind: "progress", progress }),
  });
  say({ kind: "stopped" });
};
say({ kind: "ready" });
