/** What a forwarder would send, looked at without changing anything. */
import type { Reader } from "./reader.ts";

export interface OutboxPreview {
  spans: number;
  /** When the earliest and the latest of them ended, in milliseconds since 1970; null without spans. */
  firstEndMs: number | null;
  lastEndMs: number | null;
}

/** What is stored behind the cursor of `url`, or, with `sinceMs`, from the first span on that ended then. */
export function previewOutbox(reader: Reader, url: string, sinceMs: number | null): OutboxPreview {
  const [start] =
    sinceMs === null
      ? reader.all<{ id: number }>(
          "SELECT cursor + 1 AS id FROM forward_destinations WHERE url = ?",
          url,
        )
      : reader.all<{ id: number | null }>(
          "SELECT min(id) AS id FROM span_rows WHERE start_ns + duration_ns >= ? * 1000000",
          Math.ceil(sinceMs),
        );
  // No span ended since: none. No such destination yet: all.
  const firstId = start ? (start.id ?? Number.MAX_SAFE_INTEGER) : 0;
  const [preview] = reader.all<OutboxPreview>(
    `SELECT count(*) AS spans, min((start_ns + duration_ns) / 1000000) AS firstEndMs,
       max((start_ns + duration_ns) / 1000000) AS lastEndMs
     FROM span_rows s JOIN traces t ON t.id = s.trace_no WHERE s.id >= ?`,
    firstId,
  );
  return preview ?? { spans: 0, firstEndMs: null, lastEndMs: null };
}
