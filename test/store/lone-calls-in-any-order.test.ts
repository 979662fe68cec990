import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { SpanRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { loneCall, maintain, OLD_MS, uses } from "../support/lone-calls.ts";
import { NOW_MS, spanRow } from "../support/span-rows.ts";
import { useStores } from "../support/stores.ts";

const { openStore, written } = useStores();
const HOUR_MS = 3_600_000;

describe("calls of which each is told by two instrumentations", () => {
  /** Few times and amounts, so that many are alike and at once. */
  const seenTwice = fc.record({
    at: fc.tuple(fc.nat(6), fc.integer({ min: 1, max: 6 })),
    late: fc.nat(2),
    outputTokens: fc.integer({ min: 1, max: 2 }),
    namedBy: fc.constantFrom("x", "y", "y", "neither"),
  });
  type SeenTwice = typeof seenTwice extends fc.Arbitrary<infer Call> ? Call : never;

  function spansOf({ at: [from, length], late, outputTokens, namedBy }: SeenTwice, i: number) {
    const to = from - OLD_MS + length;
    return ["x", "y"].map((scope) =>
      loneCall(`${scope}${i}`, scope, {
        at: scope === "x" ? [from - OLD_MS, to] : [from - OLD_MS, to + late],
        models: { outputTokens },
        ...(namedBy === scope ? { responseId: `msg_${i}` } : {}),
      }),
    );
  }

  /** The calls, their spans in any order, and for each whether it ends a batch and what comes after that. */
  function historyOf(calls: fc.Arbitrary<SeenTwice[]>) {
    return calls.chain((real) => {
      const spans = real.flatMap(spansOf);
      const ofEach = { minLength: spans.length, maxLength: spans.length };
      return fc.record({
        real: fc.constant(real.length),
        spans: fc.shuffledSubarray(spans, ofEach),
        isLast: fc.array(fc.boolean(), ofEach),
        next: fc.array(fc.nat(9), ofEach),
      });
    });
  }

  const calls = fc.array(seenTwice, { minLength: 1, maxLength: 6 });
  const history = historyOf(calls);
  type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never;

  /** Those of which the last is so marked end a batch. */
  function batchesOf(spans: readonly SpanRow[], isLast: readonly boolean[]): SpanRow[][] {
    const batches: SpanRow[][] = [[]];
    for (const [i, row] of spans.entries()) {
      batches.at(-1)?.push(row);
      if (isLast[i]) batches.push([]);
    }
    return batches;
  }

  function usesOf(history: History, nowAndThen: (store: Store) => void): number {
    const { spans, isLast, next } = history;
    const store = openStore();
    for (const [i, batch] of batchesOf(spans, isLast).entries()) {
      store.write(batch, NOW_MS);
      if ((next[i] ?? 0) > 6) nowAndThen(store);
    }
    store.close();
    return uses(store.path);
  }

  test("are as many as they are, in any order and batches", () => {
    fc.assert(
      fc.property(history, (one) => {
        expect(usesOf(one, () => {})).toBe(one.real);
      }),
      { numRuns: 40 },
    );
  });

  test("also with purges anywhere between, where none are alike", () => {
    const unlike = calls.map((all) => all.map((call, i) => ({ ...call, outputTokens: i + 1 })));
    fc.assert(
      fc.property(historyOf(unlike), (one) => {
        expect(usesOf(one, (store) => maintain(store, NOW_MS))).toBe(one.real);
      }),
      { numRuns: 40 },
    );
  });

  test("are as many in any order, of which some come not to be alone", () => {
    const withMore = history.chain(({ spans, isLast, next }) => {
      const rows = spans.flatMap((row, i) =>
        (next[i] ?? 0) > 6
          ? [row, spanRow({ traceId: row.traceId, span: "late", parent: "span" })]
          : [row],
      );
      return fc.record({
        rows: fc.constant(rows),
        shuffled: fc.shuffledSubarray(rows, { minLength: rows.length }),
        isLast: fc.constant([...isLast, ...isLast]),
      });
    });
    fc.assert(
      fc.property(withMore, ({ rows, shuffled, isLast }) => {
        expect(uses(written(...batchesOf(shuffled, isLast)))).toBe(uses(written(rows)));
      }),
      { numRuns: 40 },
    );
  });

  test("are never fewer, whatever is purged, forgotten, written again or not alone any more", () => {
    fc.assert(
      fc.property(history, ({ real, spans, isLast, next }) => {
        let store = openStore();
        for (const [i, batch] of batchesOf(spans, isLast).entries()) {
          store.write(batch, NOW_MS);
          const what = next[i] ?? 0;
          const [row] = batch;
          if (what > 7) maintain(store, NOW_MS);
          else if (what === 7) {
            store.close();
            store = openStore(store.path, `w${i}`);
          } else if (what > 4) store.write(spans.slice(0, what), NOW_MS);
          else if (what > 2 && row) {
            const { traceId } = row;
            store.write([spanRow({ traceId, span: "late", parent: "span" })], NOW_MS);
          }
        }
        store.write(spans, NOW_MS);
        const before = uses(store.path);
        expect(before).toBeGreaterThanOrEqual(real);
        expect(before).toBeLessThanOrEqual(2 * real);
        maintain(store, NOW_MS + HOUR_MS);
        expect(uses(store.path)).toBe(before);
        store.close();
      }),
      { numRuns: 40 },
    );
  });
});
