/** Forwarding as a command runs it: options and environment → one run over the outbox → what became of it. */
import { existsSync } from "node:fs";
import { type ForwardOptions, resolveConfig } from "./config.ts";
import type { ForwardProgress, RunEnd } from "./exporter/forward/forwarder.ts";
import { Forwarding, openDestination } from "./exporter/forward/forwarding.ts";
import { previewOutbox } from "./store/outbox-preview.ts";

export interface ForwardRequest extends Pick<ForwardOptions, "endpoint" | "protocol"> {
  /** The database file. */
  dbPath: string;
  /** Starts at the first span that ended then or later, instead of where the last run stopped; null: there. */
  sinceMs: number | null;
  /** Only says what would be sent. */
  dryRun: boolean;
  /** Goes on with new spans until `signal`. */
  follow: boolean;
  signal: AbortSignal;
  warn: (message: string) => void;
  /** Told what is to be sent before the first request, and how it goes. */
  onProgress: (progress: ForwardProgress & { total: number }) => void;
}

export interface ForwardReport {
  /** The destination, without credentials. */
  url: string;
  /** `preview`: nothing was sent. */
  end: RunEnd | "preview";
  accepted: number;
  refused: number;
  /** Spans that are still to be sent. */
  pending: number;
  /** When the earliest and the latest of the spans to be sent ended; null without any, or where some were sent. */
  firstEndMs: number | null;
  lastEndMs: number | null;
  /** Why it gave up. */
  trouble: string | null;
}

/** How long a run that does not follow waits for a destination through which nothing gets. */
const PATIENCE_MS = 60_000;

function targetOf({ dbPath, endpoint, protocol, warn }: ForwardRequest) {
  const config = resolveConfig({}, process.env, warn);
  return { path: dbPath, protocol: protocol ?? config.otlpProtocol, endpoint };
}

/**
 * Sends stored spans to an OTLP endpoint. What is not said, the `OTEL_EXPORTER_OTLP_*` variables say.
 * @throws {Error} where there is no such file, it cannot be used, or the protocol's package is missing;
 * each says what to do. What the destination does throws nothing.
 */
export async function forward(request: ForwardRequest): Promise<ForwardReport> {
  const { dbPath, sinceMs, follow, signal } = request;
  if (!existsSync(dbPath)) throw new Error(`There is no database at ${dbPath}.`);
  const target = targetOf(request);
  const destination = openDestination(target);
  destination.close();
  const { url } = destination;
  const preview = previewOutbox(dbPath, url, sinceMs);
  const total = preview.spans;
  if (request.dryRun) {
    const none = { accepted: 0, refused: 0, pending: total, trouble: null };
    return { url, end: "preview", ...none, ...preview };
  }
  const report = (progress: ForwardProgress): void => request.onProgress({ ...progress, total });
  const forwarding = new Forwarding(target, report);
  try {
    if (sinceMs !== null) forwarding.startAt(sinceMs);
    const patienceMs = follow ? Number.POSITIVE_INFINITY : PATIENCE_MS;
    const end = await forwarding.run({ follow, patienceMs, signal });
    const pending = forwarding.pending();
    return { url, end, ...forwarding.progress, pending, firstEndMs: null, lastEndMs: null };
  } finally {
    forwarding.close();
  }
}
