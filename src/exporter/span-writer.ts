/** The way a batch takes from the exporter to the file, wherever the connection lives. */
import type { SpanRecord } from "./span-record.ts";

/** Every span that ended is in exactly one of these. */
export interface WriterHealth {
  /** Spans handed over so far. */
  ended: number;
  /** In the file, for good. */
  committed: number;
  /** Held until the file takes them. */
  queued: number;
  /** By reason. */
  dropped: Record<string, number>;
  /** `degraded`: spans wait for a file that cannot be written; `closed`: none are taken any more. */
  state: "ok" | "degraded" | "closed";
  /** Why it is degraded. */
  lastError: string | null;
}

export interface SpanWriter {
  /** Takes a batch over. Never throws and never waits. */
  accept(records: readonly SpanRecord[]): void;
  /** Counts spans that ended but could not be handed over. */
  lose(reason: string, spans: number): void;
  /** Resolves once all that was accepted is in the file, or at the deadline. Never rejects. */
  flush(deadlineMs: number): Promise<void>;
  /** Flushes, closes the file and takes no more. Never rejects. */
  close(deadlineMs: number): Promise<void>;
  /** As `flush`, but blocks this thread: for the end of a process, where no promise resolves any more. */
  flushSync(deadlineMs: number): void;
  /** As `close`, but blocks this thread. */
  closeSync(deadlineMs: number): void;
  health(): WriterHealth;
}
