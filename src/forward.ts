/** Forwarding as a command runs it: options and environment → one run over the outbox → what became of it. */
import { existsSync } from "node:fs";
import { type ForwardOptions, resolveConfig } from "./config.ts";
import type { ForwardProgress, RunEnd } from "./exporter/forward/forwarder.ts";
import { Forwarding, type ForwardTarget, openDestination } from "./exporter/forward/forwarding.ts";
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

/** How long a run that does not follow waits for a destination through which nothing gets. */
const PATIENCE_MS = 60_000;

function targetOf({ dbPath, endpoint, protocol, warn }: ForwardRequest): ForwardTarget {
  const config = resolveConfig({}, process.env, warn);
  return { path: dbPath, protocol: protocol ?? config.otlpProtocol, endpoint };
}

/** What `forward` would send, and where; nothing is sent and nothing is changed. */
export function previewForward(request: ForwardRequest): OutboxPreview & { url: string } {
  using reader = openReader(request.dbPath);
  const destination = openDestination(targetOf(request));
  destination.close();
  const { url } = destination;
  return { url, ...previewOutbox(reader, url, request.sinceMs) };
}

/**
 * Sends stored spans to an OTLP endpoint.
 * @throws {Error} where there is no such file, it cannot be used, or the protocol's package is missing;
 * each says what to do. What the destination does throws nothing.
 */
export async function forward(run: ForwardRun): Promise<ForwardResult> {
  const { dbPath, sinceMs, follow, signal, onProgress } = run;
  if (!existsSync(dbPath)) openReader(dbPath); // Says what is wrong, and creates nothing.
  let total = 0;
  const forwarding = new Forwarding(targetOf(run), (now) => onProgress({ ...now, total }));
  try {
    if (sinceMs !== null) forwarding.startAt(sinceMs);
    total = forwarding.pending();
    const patienceMs = follow ? Number.POSITIVE_INFINITY : PATIENCE_MS;
    const end = await forwarding.run({ follow, patienceMs, signal });
    return { url: forwarding.url, end, ...forwarding.progress, pending: forwarding.pending() };
  } finally {
    forwarding.close();
  }
}
