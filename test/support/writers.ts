import { BundledPrices } from "../../src/exporter/prices/bundled-prices.ts";
import { QueueWriter, type QueueWriterOptions } from "../../src/exporter/queue-writer.ts";
import type { SpanRecord } from "../../src/exporter/span-record.ts";
import { SpanRowReader } from "../../src/exporter/span-row.ts";
import { StateLog } from "../../src/exporter/state-log.ts";
import type { OpenLink, StoreSessionOptions } from "../../src/exporter/store-link.ts";
import { StoreSession } from "../../src/exporter/store-session.ts";
import { ThreadLink } from "../../src/exporter/thread-link.ts";
import { machineTimers } from "../../src/exporter/timers.ts";
import { WorkerLink } from "../../src/exporter/worker-link.ts";
import { NOW_MS, type SpanRowChanges, spanRow } from "./span-rows.ts";

/** A record whose id is its number. */
export function spanRecordOf(n: number, changes: SpanRowChanges = {}): SpanRecord {
  const row = { trace: n, span: n, attributeKeys: '["n"]', attributeValues: `[${n}]`, ...changes };
  const { facts: _, ...record } = spanRow(row);
  return record;
}

export function spanRecords(count: number, first = 0): SpanRecord[] {
  return Array.from({ length: count }, (_, i) => spanRecordOf(first + i));
}

export function sessionOptions(path: string): StoreSessionOptions {
  return {
    path,
    writer: "w1",
    retentionMs: 90 * 86_400_000,
    maxDbBytes: 0,
    prices: null,
    busyTimeoutMs: 100,
  };
}

export function newSession(path: string, note: (message: string) => void = () => {}): StoreSession {
  return new StoreSession(
    sessionOptions(path),
    new SpanRowReader(new BundledPrices()),
    note,
    () => NOW_MS,
  );
}

export function threadLink(path: string): OpenLink {
  return (onReply) => {
    const note = (message: string): void => onReply({ type: "note", message });
    return new ThreadLink(newSession(path, note), onReply);
  };
}

export function workerLink(path: string, start?: () => Worker): OpenLink {
  return (onReply) => new WorkerLink(sessionOptions(path), onReply, start);
}

/** A writer for `path` as hosts have it, but for `changes`, and the lines that it logs. */
export function newWriter(
  path: string,
  changes: Partial<QueueWriterOptions> = {},
): { writer: QueueWriter; lines: string[] } {
  const lines: string[] = [];
  const line = (text: string): void => void lines.push(text);
  const writer = new QueueWriter({
    bounds: { maxSpans: 20_000, maxBytes: 16 * 1024 * 1024 },
    openLink: workerLink(path),
    openThreadLink: threadLink(path),
    log: new StateLog({ warn: line, error: line }, () => performance.now()),
    timers: machineTimers,
    silenceMs: 15_000,
    observer: { accepted: () => {}, finished: () => {} },
    random: Math.random,
    ...changes,
  });
  return { writer, lines };
}
