/** The Worker that forwards, so that reading, encoding and waiting cost the host nothing. */
import type { ForwardProgress } from "./forwarder.ts";
import { type ForwardTarget, forwardUntil, systemClock } from "./forwarding.ts";

export type ToWorker =
  | { kind: "start"; target: ForwardTarget }
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
  const note = (progress: ForwardProgress): void => say({ kind: "progress", progress });
  await forwardUntil(data.target, stop.signal, end.signal, note, systemClock(false));
  say({ kind: "stopped" });
};
say({ kind: "ready" });
