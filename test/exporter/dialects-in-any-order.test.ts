import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resourceFromAttributes } from "@opentelemetry/resources";
import * as fc from "fast-check";
import { BundledPrices } from "../../src/exporter/prices/bundled-prices.ts";
import { spanRecord } from "../../src/exporter/span-record.ts";
import { SpanRowReader } from "../../src/exporter/span-row.ts";
import type { SpanRow } from "../../src/store/rows.ts";
import { Store } from "../../src/store/store.ts";
import {
  dialectFixtures,
  type RecordedDialect,
  recordedDialects,
} from "../support/dialect-fixtures.ts";
import { readableSpan } from "../support/readable-span.ts";

const NOW_MS = Date.UTC(2026, 10, 24, 2, 0, 0);
const directory = mkdtempSync(join(tmpdir(), "spanledger-"));
const path = join(directory, "t.db");
const store = new Store({ path, writer: "w1", busyTimeoutMs: 1000 });
const db = new Database(path, { readonly: true });
const reader = new SpanRowReader(new BundledPrices());

afterAll(() => {
  db.close(true);
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

type Span = RecordedDialect["spans"][number];

/** As the writer gets it. `salt` is the head of its trace's id: one order of arrival, one trace. */
function rowOf(span: Span, salt: string): SpanRow {
  const context = { traceId: salt + span.traceId.slice(salt.length), traceFlags: 1 };
  const parent = span.parentSpanId;
  const { name, kind, scope, statusCode, attributes } = span;
  return reader.row(
    spanRecord(
      {
        ...readableSpan({
          name,
          kind,
          attributes: attributes as Record<string, string>,
          instrumentationScope: scope,
          // Or a call of one order would be taken for the same call of another.
          resource: resourceFromAttributes({ "service.instance.id": salt }),
          status: { code: statusCode },
          ...(parent ? { parentSpanContext: { ...context, spanId: parent } } : {}),
        }),
        spanContext: () => ({ ...context, spanId: span.spanId }),
      },
      NOW_MS,
    ),
  );
}

function countedTotals(salt: string): unknown {
  return db
    .query(
      `SELECT coalesce(sum(input_tokens), 0) AS inputTokens,
         coalesce(sum(cache_read_tokens), 0) AS cacheReadTokens,
         coalesce(sum(cache_creation_tokens), 0) AS cacheCreationTokens,
         coalesce(sum(output_tokens), 0) AS outputTokens,
         sum(cost_nano_usd) AS costNanoUsd
       FROM model_usage WHERE counted AND trace_id LIKE ? || '%'`,
    )
    .get(salt);
}

let orders = 0;

const cases: [string, RecordedDialect][] = [
  ...dialectFixtures().map((fixture): [string, RecordedDialect] => [fixture.name, fixture]),
  ...recordedDialects().map((fixture): [string, RecordedDialect] => [
    `${fixture.name}, recorded`,
    fixture,
  ]),
];

test.each(cases)(
  "%s: each call counts once, in whatever order and batches its spans arrive",
  (_name, { spans, served }) => {
    const anyOrder = fc.shuffledSubarray(spans, { minLength: spans.length });
    fc.assert(
      fc.property(anyOrder, fc.integer({ min: 1, max: 5 }), (order, batchSize) => {
        const salt = (++orders).toString(16).padStart(8, "0");
        for (let at = 0; at < order.length; at += batchSize) {
          const batch = order.slice(at, at + batchSize);
          store.write(
            batch.map((span) => rowOf(span, salt)),
            NOW_MS,
          );
        }
        expect(countedTotals(salt)).toEqual(served);
      }),
      { numRuns: 15 },
    );
  },
);
