import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { readFacts } from "../../../src/exporter/facts/read-facts.ts";
import { BundledPrices } from "../../../src/exporter/prices/bundled-prices.ts";
import type { SpanRow } from "../../../src/store/rows.ts";
import { Store } from "../../../src/store/store.ts";
import {
  type DialectFixture,
  dialectFixtures,
  type FixtureSpan,
  readSpanOf,
} from "../../support/dialect-fixtures.ts";
import { hexId, NOW_MS, spanRow } from "../../support/span-rows.ts";
import { useTempDir } from "../../support/temp-dir.ts";

const tempDir = useTempDir();
const prices = new BundledPrices();
const MAX_ORDERS = 40;

function rowOf(span: FixtureSpan, order: number): SpanRow {
  const { name, kind, statusCode, spanId, parentSpanId } = span;
  const traceId = hexId(`${span.traceId} ${order}`, 32);
  const facts = readFacts(readSpanOf(span), prices);
  return { ...spanRow(), name, kind, statusCode, traceId, spanId, parentSpanId, facts };
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) =>
    permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]),
  );
}

/** Every order of a few spans; of many, as many different ones as are tried. */
function orders<T>(items: readonly T[]): T[][] {
  if (items.length <= 4) return permutations(items);
  return Array.from({ length: MAX_ORDERS }, (_, seed) =>
    items
      .map((item, index) => ({ item, key: Bun.hash(`${seed} ${index}`) }))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ item }) => item),
  );
}

const SUMS = `SELECT sum(input_tokens) AS inputTokens, sum(coalesce(cache_read_tokens, 0)) AS cacheReadTokens,
  sum(coalesce(cache_creation_tokens, 0)) AS cacheCreationTokens, sum(output_tokens) AS outputTokens
  FROM usage_rows WHERE counted`;

test.each(dialectFixtures().map((fixture) => [fixture.name, fixture] as const))(
  "%s: each call counts once, in whatever order its spans arrive, one a batch",
  (_name, fixture: DialectFixture) => {
    const store = new Store({ path: join(tempDir(), "t.db"), writer: "w", busyTimeoutMs: 1000 });
    const tried = orders(fixture.spans);
    for (const [order, spans] of tried.entries()) {
      for (const span of spans) store.write([rowOf(span, order)], NOW_MS);
    }
    const db = new Database(store.path, { readonly: true });
    const sums = db.query(SUMS).get() as Record<string, number>;
    db.close(true);
    store.close();
    const { costNanoUsd: _, ...tokens } = fixture.served;
    for (const [name, served] of Object.entries(tokens)) {
      expect([name, sums[name]]).toEqual([name, served * tried.length]);
    }
  },
);
