import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import type { Maintainer } from "../../src/store/maintenance.ts";
import type { SpanRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { ledger } from "../support/ledger.ts";
import { execution, modelUsage, NOW_MS, spanRow, usage } from "../support/span-rows.ts";
import { query, useStores } from "../support/stores.ts";

const { openStore, tempDir } = useStores();
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function count(path: string, table: string): number {
  return query<{ n: number }>(path, `SELECT count(*) AS n FROM ${table}`)[0]?.n ?? -1;
}

/** Steps until nothing is left to do. */
function finish(maintainer: Maintainer, nowMs: number): void {
  for (let steps = 0; maintainer.step(nowMs).didWork; steps++) {
    if (steps > 100_000) throw new Error("maintenance never ends");
  }
}

function maintain(store: Store, nowMs: number, retentionDays = 90, maxDbBytes = 0): Maintainer {
  const maintainer = store.maintainer({ retentionMs: retentionDays * DAY_MS, maxDbBytes });
  finish(maintainer, nowMs);
  return maintainer;
}

/** A run of two models with a call and a tool beneath it, that ended `endMs`. */
function review(trace: string | number, endMs: number): SpanRow[] {
  return [
    spanRow({
      trace,
      span: "run",
      execution: execution(),
      usage: usage({ scope: "result" }),
      endMs,
    }),
    spanRow({
      trace,
      span: "query",
      parent: "run",
      endMs,
      execution: execution({ nested: true, sessionId: "s-1" }),
      usage: usage({
        scope: "ledger",
        models: [
          modelUsage({ reportedCostNanoUsd: 7_791_000 }),
          modelUsage({ model: "claude-haiku-4-5", computedCostNanoUsd: 1_000, outputTokens: 1 }),
        ],
      }),
    }),
    spanRow({ trace, span: "tool", parent: "query", endMs }),
    spanRow({ trace, span: "chat", parent: "tool", endMs, usage: usage({ responseId: "msg_1" }) }),
  ];
}

describe("retention by age", () => {
  const OLD_MS = NOW_MS - 100 * DAY_MS;

  test("moves what old traces cost to usage_daily, to the nano-dollar, and keeps young ones", () => {
    const store = openStore();
    const bare = spanRow({ trace: "bare", endMs: OLD_MS, execution: execution() });
    store.write(
      [...review("a", OLD_MS), ...review("b", OLD_MS), ...review("c", NOW_MS), bare],
      NOW_MS,
    );
    const before = ledger(store.path);
    const { purged } = maintain(store, NOW_MS).report();
    expect(purged).toEqual({ traces: 3, spans: 9, oldestMs: OLD_MS, newestMs: OLD_MS });
    expect(count(store.path, "executions")).toBe(1);
    expect(count(store.path, "span_rows")).toBe(4);
    expect(count(store.path, "purged_spans")).toBe(0);
    expect(
      query(
        store.path,
        `SELECT day, model, runs, failures, model_runs, input_tokens, cost_nano_usd,
           estimated_cost_nano_usd, duration_ms FROM usage_daily ORDER BY model`,
      ).map((row) => Object.values(row as object)),
    ).toEqual([
      ["2026-08-12", null, 1, 0, 1, 0, 0, 0, 1500],
      ["2026-08-12", "claude-haiku-4-5", 0, 0, 2, 20, 2000, 2000, 0],
      ["2026-08-12", "claude-sonnet-4-5", 2, 0, 2, 20, 15_582_000, 0, 3000],
    ]);
    expect(ledger(store.path)).toEqual(before);
    store.close();
  });

  test("takes a trace whose clock ran ahead once its writing is old enough", () => {
    const store = openStore();
    store.write([spanRow({ endMs: NOW_MS + 900 * DAY_MS })], NOW_MS);
    expect(maintain(store, NOW_MS + DAY_MS, 1 / 24).report().purged.traces).toBe(1);
    store.close();
  });

  test("takes a trace of very many spans out of sight at once, and deletes it by and by", () => {
    const store = openStore();
    const spans = Array.from({ length: 6000 }, (_, i) =>
      spanRow({ trace: "huge", span: i, endMs: OLD_MS, usage: i % 100 === 0 ? usage() : null }),
    );
    store.write(spans, NOW_MS);
    const before = ledger(store.path);
    const maintainer = store.maintainer({ retentionMs: 90 * DAY_MS, maxDbBytes: 0 });
    while (maintainer.report().purged.traces === 0) maintainer.step(NOW_MS);
    expect(count(store.path, "spans")).toBe(0);
    expect(count(store.path, "span_rows")).toBe(6000);
    expect(ledger(store.path)).toEqual(before);
    while (count(store.path, "purged_spans") > 0) {
      maintainer.step(NOW_MS);
      expect(ledger(store.path)).toEqual(before);
    }
    expect(count(store.path, "span_rows")).toBe(0);
    store.close();
  });
});

describe("a span that arrives after its trace was purged", () => {
  const OLD_MS = NOW_MS - 100 * DAY_MS;

  test("is counted as if nothing had been purged, whichever span it is", () => {
    const whole = openStore();
    whole.write(review("a", OLD_MS), NOW_MS);
    const expected = ledger(whole.path);
    whole.close();
    for (const late of review("a", OLD_MS)) {
      const store = openStore();
      store.write(
        review("a", OLD_MS).filter((row) => row.spanId !== late.spanId),
        NOW_MS,
      );
      const maintainer = maintain(store, NOW_MS);
      expect(count(store.path, "traces")).toBe(0);
      store.write([late], NOW_MS + HOUR_MS);
      expect(ledger(store.path)).toEqual(expected);
      finish(maintainer, NOW_MS + 2 * HOUR_MS);
      expect(count(store.path, "traces")).toBe(0);
      expect(ledger(store.path)).toEqual(expected);
      store.close();
    }
  });

  test("is a duplicate if it was purged with it", () => {
    const store = openStore();
    store.write(review("a", OLD_MS), NOW_MS);
    maintain(store, NOW_MS);
    const before = ledger(store.path);
    expect(store.write(review("a", OLD_MS), NOW_MS)).toEqual({
      written: 0,
      duplicates: 4,
      poison: [],
    });
    expect(ledger(store.path)).toEqual(before);
    store.close();
  });

  test("finds its trace for a week, and then nothing is kept of it", () => {
    const store = openStore();
    store.write(review("a", OLD_MS), NOW_MS);
    const maintainer = maintain(store, NOW_MS);
    expect(count(store.path, "purged_traces")).toBe(1);
    for (let day = 1; day <= 7; day++) finish(maintainer, NOW_MS + day * DAY_MS);
    expect(count(store.path, "purged_traces")).toBe(1);
    finish(maintainer, NOW_MS + 7 * DAY_MS + 1);
    expect(count(store.path, "purged_traces")).toBe(0);
    store.close();
  });

  test("never changes what the whole adds up to, in any order and with purges anywhere between", () => {
    const SHAPES: ((span: number, parent: number | null, endMs: number) => SpanRow)[] = [
      (span, parent, endMs) => spanRow({ span, parent, endMs }),
      (span, parent, endMs) =>
        spanRow({ span, parent, endMs, usage: usage({ responseId: `r${span % 3}` }) }),
      (span, parent, endMs) =>
        spanRow({
          span,
          parent,
          endMs,
          execution: execution({
            nested: span % 2 === 0,
            conclusion: span % 3 ? "success" : "error",
          }),
        }),
      (span, parent, endMs) =>
        spanRow({
          span,
          parent,
          endMs,
          execution: execution({ repo: null, eventType: "push" }),
          usage: usage({
            scope: span % 2 ? "ledger" : "result",
            models: [
              modelUsage({ reportedCostNanoUsd: span * 7 }),
              modelUsage({ model: "m2", computedCostNanoUsd: span }),
              modelUsage({ model: `m${span}` }),
            ],
          }),
        }),
      (span, parent, endMs) =>
        spanRow({ span, parent, endMs, usage: usage(), scope: `{"name":"scope ${span % 3}"}` }),
    ];
    const span = fc.record({
      shape: fc.nat(4),
      parent: fc.nat(9),
      arrival: fc.nat(99),
      day: fc.nat(2),
      purge: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(span, { minLength: 2, maxLength: 9 }),
        fc.boolean(),
        (parts, twoWriters) => {
          const spans = parts
            .map(({ shape, parent, day, ...part }, i) => {
              const up = i === 0 ? null : parent % i;
              return { ...part, row: SHAPES[shape]?.(i, up, OLD_MS + day * DAY_MS) ?? spanRow() };
            })
            .sort((a, b) => a.arrival - b.arrival);
          const directory = tempDir();
          const whole = openStore(join(directory, "whole.db"));
          const path = join(directory, "purged.db");
          const [a, b] = [openStore(path, "a"), openStore(path, "b")];
          const maintainer = a.maintainer({ retentionMs: 90 * DAY_MS, maxDbBytes: 0 });
          for (const [i, { row, purge }] of spans.entries()) {
            whole.write([row], NOW_MS);
            (twoWriters && i % 2 === 1 ? b : a).write([row], NOW_MS);
            if (purge) finish(maintainer, NOW_MS);
          }
          expect(ledger(path)).toEqual(ledger(whole.path));
          for (const store of [whole, a, b]) store.close();
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("a clock that jumped", () => {
  const AHEAD_MS = NOW_MS + 400 * DAY_MS;

  test("purges nothing, until it still says so an hour later", () => {
    const warnings: string[] = [];
    const store = openStore();
    store.write(review("a", NOW_MS), NOW_MS);
    const maintainer = store.maintainer({
      retentionMs: 90 * DAY_MS,
      maxDbBytes: 0,
      warn: (message) => warnings.push(message),
    });
    finish(maintainer, NOW_MS);
    finish(maintainer, AHEAD_MS);
    finish(maintainer, AHEAD_MS + HOUR_MS - 1);
    expect(count(store.path, "traces")).toBe(1);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain("nothing is purged by age");
    finish(maintainer, AHEAD_MS + HOUR_MS);
    expect(count(store.path, "traces")).toBe(0);
    store.close();
  });

  test("and came back is forgotten", () => {
    const store = openStore();
    store.write(review("a", NOW_MS), NOW_MS);
    const maintainer = maintain(store, NOW_MS);
    finish(maintainer, AHEAD_MS);
    finish(maintainer, NOW_MS + HOUR_MS);
    finish(maintainer, AHEAD_MS + 2 * HOUR_MS);
    expect(count(store.path, "traces")).toBe(1);
    store.close();
  });

  test("is believed by a host that runs once a week, or it would never purge", () => {
    const store = openStore();
    store.write(review("a", NOW_MS), NOW_MS);
    const maintainer = maintain(store, NOW_MS);
    for (let week = 1; week <= 14; week++) finish(maintainer, NOW_MS + week * 7 * DAY_MS);
    expect(count(store.path, "traces")).toBe(0);
    store.close();
  });

  test("is told from what the file knows, even by a process that just started", () => {
    const path = join(tempDir(), "t.db");
    const before = openStore(path);
    before.write(review("a", NOW_MS), NOW_MS);
    before.close();
    const store = openStore(path, "w2");
    expect(maintain(store, AHEAD_MS).report().purged.traces).toBe(0);
    store.close();
  });
});

describe("retention by size", () => {
  const LIMIT = 1_000_000;

  test("keeps the pages in use below the limit while more and more is written", () => {
    const store = openStore();
    const maintainer = store.maintainer({ retentionMs: 90 * DAY_MS, maxDbBytes: LIMIT });
    finish(maintainer, NOW_MS);
    let largest = 0;
    for (let batch = 0; batch < 60; batch++) {
      const nowMs = NOW_MS + batch * 1000;
      const rows = Array.from({ length: 25 }, (_, i) => review(`${batch}-${i}`, nowMs)).flat();
      store.write(rows, nowMs);
      while (maintainer.isDue(nowMs)) if (!maintainer.step(nowMs).didWork) break;
      const [pages] = query<{ live: number }>(
        store.path,
        "SELECT (page_count - freelist_count) * 4096 AS live FROM pragma_page_count, pragma_freelist_count",
      );
      largest = Math.max(largest, pages?.live ?? 0);
    }
    expect(largest).toBeGreaterThan(LIMIT / 2);
    expect(largest).toBeLessThan(LIMIT);
    const oldest = query<{ ms: number }>(
      store.path,
      "SELECT min(last_seen_ms) AS ms FROM traces",
    )[0];
    expect(oldest?.ms).toBeGreaterThan(NOW_MS);
    const sums = ledger(store.path).reduce((sum, line) => sum + line.cost_nano_usd, 0);
    expect(sums).toBe(60 * 25 * 7_792_000);
    store.close();
  });

  test("says so when nothing is left that may be purged", () => {
    const warnings: string[] = [];
    const store = openStore();
    const spans = Array.from({ length: 5001 }, (_, i) => spanRow({ span: i }));
    store.write(spans, NOW_MS);
    const maintainer = store.maintainer({
      retentionMs: 90 * DAY_MS,
      maxDbBytes: 100_000,
      warn: (message) => warnings.push(message),
    });
    finish(maintainer, NOW_MS);
    expect(count(store.path, "traces")).toBe(1);
    expect(warnings.join()).toContain("raise maxDbBytes");
    finish(maintainer, NOW_MS + 2 * HOUR_MS);
    expect(count(store.path, "span_rows")).toBe(0);
    store.close();
  });
});

const PADDING = JSON.stringify(["x".repeat(400), 1]);

describe("freed pages", () => {
  test("go back to the file system, and the file can be read all the while", () => {
    const store = openStore();
    for (let i = 0; i < 20; i++) {
      const rows = Array.from({ length: 500 }, (_, j) =>
        spanRow({ trace: i, span: j, endMs: NOW_MS - 100 * DAY_MS, attributeValues: PADDING }),
      );
      store.write(rows, NOW_MS);
    }
    const pagesBefore =
      query<{ page_count: number }>(store.path, "PRAGMA page_count")[0]?.page_count ?? 0;
    const { releasedBytes } = maintain(store, NOW_MS).report();
    const pagesAfter =
      query<{ page_count: number }>(store.path, "PRAGMA page_count")[0]?.page_count ?? 0;
    expect(releasedBytes).toBeGreaterThan((pagesBefore / 2) * 4096);
    expect(pagesAfter).toBeLessThan(pagesBefore / 2);
    expect(query(store.path, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
    store.close();
  });
});

describe("the lease", () => {
  test("lets one of two processes maintain, and the other one once it is gone", () => {
    const path = join(tempDir(), "t.db");
    const [first, second] = [openStore(path, "a"), openStore(path, "b")];
    const options = { retentionMs: 90 * DAY_MS, maxDbBytes: 0 };
    const [a, b] = [first.maintainer(options), second.maintainer(options)];
    finish(a, NOW_MS);
    first.write(review("old", NOW_MS - 100 * DAY_MS), NOW_MS);
    finish(b, NOW_MS);
    expect(b.report().purged.traces).toBe(0);
    finish(b, NOW_MS + 200_000);
    expect(b.report().purged.traces).toBe(1);
    finish(a, NOW_MS + 200_000);
    second.close();
    first.write(review("old 2", NOW_MS - 100 * DAY_MS), NOW_MS);
    finish(a, NOW_MS + 200_000);
    expect(a.report().purged.traces).toBe(1);
    first.close();
  });
});
