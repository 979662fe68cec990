/** Forwarding as a command runs it: options and environment → one run over the outbox → what became of it. */
import { existsSync } from "node:fs";
import { type ForwardOptions, resolveConfig } from "./config.ts";
import {
  type ForwardProgress,
  NOTHING_FORWARDED,
  type RunEnd,
} from "./exporter/forward/forwarder.ts";
import {
  Forwarding,
  type ForwardTarget,
  forwardUntil,
  openDestination,
  systemClock,
} from "./exporter/forward/forwarding.ts";
import type { OtlpProtocol } from "./exporter/otlp.ts";
import { type OutboxPreview, previewOutbox } from "./store/outbox-preview.ts";
import { openReader } from "./store/reader.ts";

export type { OtlpProtocol };

/** What is not said, the `OTEL_EXPORTER_OTLP_*` variables say. */
export interface ForwardRequest extends Pick<ForwardOptions, "endpoint" | "protocol"> {
  /** The database file. */
  dbPath: string;
  /** Starts at the first span that ended then or later, instead of where the last run stopped; null: there. */
  sinceMs: number | null;
  warn: (message: string) => void;
}

export interface ForwardRun extends ForwardRequest {
  /** Goes on with new spans until `signal`. */
  follow: boolean;
  signal: AbortSignal;
  /** Told after each answer. `total`: spans that were to be sent at the start. */
  onProgress: (progress: ForwardProgress & { total: number }) => void;
}

export interface ForwardResult extends ForwardProgress {
  /** The destination, without credentials. */
  url: string;
  end: RunEnd;
  /** Spans that are still to be sent. */
  pending: number;
}

/** What a person has to put right first, a package or a setting, in a sentence. */
export class ForwardSetupError extends Error {}

/** How long a run that does not follow waits for a destination through which nothing gets. */
const PATIENCE_MS = 60_000;

function targetOf({ dbPath, endpoint, protocol, warn }: ForwardRequest): ForwardTarget {
  const config = resolveConfig({}, process.env, warn);
  return { path: dbPath, protocol: protocol ?? config.otlpProtocol, endpoint };
}

/** The name of its cursor. */
function urlOf(target: ForwardTarget): string {
  try {
    const destination = openDestination(target);
    destination.close();
    return destination.url;
  } catch (error) {
    throw new ForwardSetupError((error as Error).message, { cause: error });
  }
}

/** What `forward` would send, and where; nothing is sent and nothing is changed. */
export function previewForward(request: ForwardRequest): OutboxPreview & { url: string } {
  using reader = openReader(request.dbPath);
  const url = urlOf(targetOf(request));
  return { url, ...previewOutbox(reader, url, request.sinceMs) };
}

/** Sets the cursor, so that what is wrong with the file is said before the run begins. @returns what is to be sent. */
function begin(target: ForwardTarget, sinceMs: number | null): number {
  const forwarding = new Forwarding(target, () => undefined);
  try {
    if (sinceMs !== null) forwarding.startAt(sinceMs);
    return forwarding.pending();
  } finally {
    forwarding.close();
  }
}

async function untilDone(
  target: ForwardTarget,
  signal: AbortSignal,
  onProgress: (progress: ForwardProgress) => void,
): Promise<RunEnd> {
  const forwarding = new Forwarding(target, onProgress);
  try {
    return await forwarding.run({ follow: false, patienceMs: PATIENCE_MS, signal });
  } finally {
    forwarding.close();
  }
}

/**
 * Sends stored spans to an OTLP endpoint.
 * @throws {Error} where there is no such file, it cannot be used, or the protocol's package is missing;
 * each says what to do. What the destination does throws nothing, and once it follows, neither does
 * what becomes of the file: it is opened again.
 */
export async function forward(run: ForwardRun): Promise<ForwardResult> {
  const { dbPath, sinceMs, follow, signal, onProgress } = run;
  if (!existsSync(dbPath)) openReader(dbPath); // Says what is wrong, and creates nothing.
  const target = targetOf(run);
  const url = urlOf(target);
  const total = begin(target, sinceMs);
  let progress = NOTHING_FORWARDED;
  const note = (now: ForwardProgress): void => {
    progress = now;
    onProgress({ ...now, total });
  };
  let end: RunEnd = "stopped";
  if (follow) {
    const clock = systemClock(true);
    const ends = { stop: signal, end: signal };
    await forwardUntil(target, { ...ends, clock, progress, onProgress: note });
  } else end = await untilDone(target, signal, note);
  using reader = openReader(dbPath);
  return { url, end, ...progress, pending: previewOutbox(reader, url, null).spans };
}
