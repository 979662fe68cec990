import { expect, test } from "bun:test";
import { join } from "node:path";
import {
  type ISerializer,
  JsonTraceSerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import fc from "fast-check";
import { ReplayedSpanReader } from "../../src/exporter/replayed-span.ts";
import { spanRecord } from "../../src/exporter/span-record.ts";
import { Outbox } from "../../src/store/outbox.ts";
import { Store } from "../../src/store/store.ts";
import { arbitrarySpans } from "../support/arbitrary-spans.ts";
import { purgeAll } from "../support/purge-all.ts";
import { NOW_MS } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

type Serializer = ISerializer<ReadableSpan[], unknown>;
const bytes = (serializer: Serializer, spans: ReadableSpan[]): string =>
  Buffer.from(serializer.serializeRequest(spans) ?? []).toString("latin1");

test("what a replay sends is, byte for byte, what the live span would have been sent as", () => {
  const path = join(tempDir(), "telemetry.db");
  const store = new Store({ path, writer: "test", busyTimeoutMs: 100 });
  const outbox = new Outbox({
    path,
    url: "http://test",
    busyTimeoutMs: 100,
  });
  const throughTheFile = (spans: ReadableSpan[]): ReadableSpan[] => {
    store.write(
      spans.map((span) => ({ ...spanRecord(span, NOW_MS), facts: null })),
      NOW_MS,
    );
    const reader = new ReplayedSpanReader();
    const stored = outbox.read(0, 1000, Number.MAX_SAFE_INTEGER);
    purgeAll(store);
    return stored.map((record) => reader.span(record));
  };
  try {
    fc.assert(
      fc.property(arbitrarySpans, (spans) => {
        const back = throughTheFile(spans);
        expect(bytes(JsonTraceSerializer, back)).toBe(bytes(JsonTraceSerializer, spans));
        expect(bytes(ProtobufTraceSerializer, back)).toBe(bytes(ProtobufTraceSerializer, spans));
      }),
      { numRuns: Number(process.env["FC_NUM_RUNS"] ?? 100) },
    );
  } finally {
    outbox.close();
    store.close();
  }
});
