/** Where stored spans are forwarded to: one request, one answer that says what to do next. */
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";

export type Answer =
  /** It has the spans, but for `rejectedSpans` of them, which it does not name and will never take. */
  | { kind: "accepted"; rejectedSpans: number; reason: string }
  /** Not now. `afterMs`: how long it asks to be left alone; null: it does not say. */
  | { kind: "later"; afterMs: number | null; reason: string }
  /**
   * Not these spans, or nothing at all: only trying tells. `blamesSpans`: it says that the fault is the
   * request's (400, 413), and not its own (500), which may be that of whatever stands behind it.
   */
  | { kind: "refused"; blamesSpans: boolean; reason: string };

export interface Destination {
  /** Its address without credentials: the name of its cursor. */
  readonly url: string;
  /**
   * Never outlasts its timeout, and rejects only where the spans cannot be encoded. No spans: an empty
   * request, which is valid OTLP.
   */
  send(spans: ReadableSpan[]): Promise<Answer>;
  close(): void;
}

export interface DestinationOptions {
  /** As `OTEL_EXPORTER_OTLP_ENDPOINT`. @default what the environment says, else localhost */
  endpoint?: string | undefined;
  /** Sent with every request, beside those of `OTEL_EXPORTER_OTLP_HEADERS`. */
  headers?: Readonly<Record<string, string>> | undefined;
}

const MAX_REASON_LENGTH = 300;

/** One line of what a server said, without what could steer a terminal. */
export function shortReason(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
  return line.length > MAX_REASON_LENGTH ? `${line.slice(0, MAX_REASON_LENGTH)}…` : line;
}

/** As the official serializers read an answer's body; counts may be text, as JSON has 64-bit integers. */
interface ExportResponse {
  partialSuccess?: { rejectedSpans?: number | string; errorMessage?: string };
}

/** What the official package has for one encoding. */
export interface TraceSerializer {
  serializeRequest(spans: ReadableSpan[]): Uint8Array | undefined;
  deserializeResponse(body: Uint8Array): ExportResponse;
}

/** The meaning of a success with this body. */
export function acceptedAnswer(serializer: TraceSerializer, body: Uint8Array): Answer {
  try {
    const { partialSuccess } = serializer.deserializeResponse(body);
    const rejectedSpans = Math.max(0, Math.trunc(Number(partialSuccess?.rejectedSpans))) || 0;
    const said = shortReason(partialSuccess?.errorMessage ?? "");
    const reason = said === "" && rejectedSpans > 0 ? "no reason given" : said;
    return { kind: "accepted", rejectedSpans, reason };
  } catch {
    return { kind: "accepted", rejectedSpans: 0, reason: "" }; // A body nobody can read is still a success.
  }
}

/** Without user, password and query, which may hold a token. */
export function publicUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
