import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { costReport } from "../../src/report/cost-report.ts";
import { LoneCalls } from "../../src/store/lone-calls.ts";
import { openReader } from "../../src/store/reader.ts";
import type { SpanRow } from "../../src/store/rows.ts";
import type { TraceNode } from "../../src/store/settle.ts";
import { Store } from "../../src/store/store.ts";
import { traceNode } from "../../src/store/trace-reader.ts";
import { ledger } from "../support/ledger.ts";
import { COST_NANO_USD, loneCall } from "../support/lone-calls.ts";
import { permutations } from "../support/permutations.ts";
import { execution, hexId, NOW_MS, spanRow, usage } from "../support/span-rows.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function openStore(path = join(tempDir(), "t.db"), writer = "w1"): Store {
  return new Store({ path, writer, busyTimeoutMs: 1000 });
}

function query<T>(path: string, sql: string): T[] {
  const db = new Database(path, { readonly: true });
  try {
    return db.query(sql).all() as T[];
  } finally {
    db.close(true);
  }
}

const RETENTION_DAYS = 90;

function maintain(store: Store, nowMs: number): void {
  const maintainer = store.maintainer({ retentionMs: RETENTION_DAYS * DAY_MS, maxDbBytes: 0 });
  for (let steps = 0; maintainer.step(nowMs).didWork; steps++) {
    if (steps > 10_000) throw new Error("maintenance never ends");
  }
}

/** How often a call counts, in the rows and on purged days; what it cost says the same. */
function uses(path: string): number {
  const [{ live, purged }] = query(
    path,
    `SELECT (SELECT count(*) FROM usage_rows WHERE counted) AS live,
       (SELECT coalesce(sum(uses), 0) FROM usage_daily) AS purged`,
  ) as [{ live: number; purged: number }];
  const lines = ledger(path);
  for (const line of lines) expect(line.cost_nano_usd).toBeGreaterThanOrEqual(0);
  const cost = lines.reduce((sum, line) => sum + line.cost_nano_usd, 0);
  expect(cost).toBe((live + purged) * COST_NANO_USD);
  for (const { n } of query<{ n: number }>(
    path,
    "SELECT min(uses, cost_nano_usd) AS n FROM usage_daily",
  ))
    expect(n).toBeGreaterThan(0);
  return live + purged;
}

/** The traces that count, of those given. */
function counted(path: string, ...traces: string[]): string[] {
  const rows = query<{ trace_id: string }>(path, "SELECT trace_id FROM model_usage WHERE counted");
  const ids = new Set(rows.map((row) => row.trace_id));
  return traces.filter((trace) => ids.has(hexId(`t${trace}`, 32)));
}

/** Writes `batches` to a new file, one after the other. */
function written(...batches: SpanRow[][]): string {
  const store = openStore();
  for (const batch of batches) store.write(batch, NOW_MS);
  store.close();
  return store.path;
}

/** OpenLLMetry's span of a stream, and the SDK's own. */
const around = loneCall("around", "@traceloop/instrumentation-anthropic", { at: [-1002, 0] });
const own = loneCall("own", "com.anthropic.sdk.typescript", {
  responseId: "msg_1",
  at: [-1000, 1],
});
/** What comes beneath the call of `trace`. */
const beneath = (trace: string) => spanRow({ trace, span: `below ${trace}`, parent: "span" });

describe("a call that two traces tell of counts once", () => {
  test("in any order, in one batch and in two", () => {
    for (const [first, second] of permutations([around, own])) {
      if (!first || !second) continue;
      for (const path of [written([first, second]), written([first], [second])]) {
        expect(counted(path, "around", "own")).toEqual(["own"]);
        expect(uses(path)).toBe(1);
        expect(query(path, "SELECT count(*) AS n FROM spans")).toEqual([{ n: 2 }]);
      }
    }
  });

  test("whatever comes between the two, and however often they are written", () => {
    const others = Array.from({ length: 300 }, (_, i) =>
      loneCall(`other ${i}`, "x", { models: { outputTokens: 100 + i } }),
    );
    const path = written([around], others, [own], [around, own], [around]);
    expect(counted(path, "around", "own")).toEqual(["own"]);
    expect(uses(path)).toBe(301);
  });

  test("of several at once, each", () => {
    const calls = ["1", "2", "3"].flatMap((n) => [
      loneCall(`x${n}`, "x"),
      loneCall(`y${n}`, "y", { responseId: n }),
    ]);
    for (const order of permutations(calls).filter((_, i) => i % 37 === 0)) {
      expect(uses(written(order))).toBe(3);
      expect(uses(written(...order.map((row) => [row])))).toBe(3);
      const fewer = order.filter(({ traceId }) => traceId !== hexId("ty2", 32));
      expect(uses(written(...fewer.map((row) => [row])))).toBe(3);
    }
  });

  test("also where a poison row fails the transaction that wrote one of them", () => {
    const poison = spanRow({ trace: "poison", traceId: "not hex" });
    for (const batches of [
      [[around], [own, poison]],
      [[around, poison, own]],
      [[own, poison], [around]],
    ]) {
      expect(uses(written(...batches))).toBe(1);
    }
  });

  test("also where another process holds the lock meanwhile", () => {
    const store = new Store({ path: join(tempDir(), "t.db"), writer: "w1", busyTimeoutMs: 1 });
    store.write([around], NOW_MS);
    const other = new Database(store.path);
    other.run("BEGIN IMMEDIATE");
    expect(() => store.write([own], NOW_MS)).toThrow();
    other.run("ROLLBACK");
    other.close(true);
    store.write([own], NOW_MS);
    expect(uses(store.path)).toBe(1);
    store.close();
  });

  test("in reports, and in the totals of hours and days that were built before", () => {
    const store = openStore();
    const yesterday = [-DAY_MS - 1000, -DAY_MS] as const;
    const [first, second] = [
      loneCall("a", "x", { at: yesterday }),
      loneCall("b", "y", { at: yesterday, responseId: "msg_1" }),
    ];
    const totals = () => {
      using reader = openReader(store.path);
      const { total, groups } = costReport(reader, { by: ["day", "model"] });
      expect(groups).toMatchObject([total]);
      return [total.inputTokens, total.outputTokens, total.costNanoUsd];
    };
    store.write([first], NOW_MS);
    maintain(store, NOW_MS);
    expect(query(store.path, "SELECT hours FROM period_totals WHERE k1 IS NULL")).not.toEqual([]);
    expect(totals()).toEqual([10, 5, COST_NANO_USD]);
    store.write([second], NOW_MS);
    expect(totals()).toEqual([10, 5, COST_NANO_USD]);
    maintain(store, NOW_MS + HOUR_MS);
    expect(totals()).toEqual([10, 5, COST_NANO_USD]);
    store.write([beneath("b")], NOW_MS + HOUR_MS);
    expect(totals()).toEqual([20, 10, 2 * COST_NANO_USD]);
    maintain(store, NOW_MS + 2 * HOUR_MS);
    expect(totals()).toEqual([20, 10, 2 * COST_NANO_USD]);
    store.close();
  });
});

describe("two traces are two calls", () => {
  const resource = '{"attributes":{"service.name":"other"}}';
  const alone = (trace: string, changes = {}) => loneCall(trace, "y", changes);
  const others: [string, SpanRow[]][] = [
    ["of one instrumentation", [loneCall("b", "x")]],
    ["of an instrumentation without a name", [loneCall("b", "")]],
    ["of another process", [alone("b", { resource })]],
    ["at another time", [alone("b", { at: [10, 20] })]],
    ["that both name a response", [alone("b", { responseId: "msg_2" })]],
    ["of another output", [alone("b", { models: { outputTokens: 6 } })]],
    ["of which one has a parent", [alone("b", { parent: "far away" })]],
    [
      "of which one is an agent's",
      [
        alone("b", {
          usage: usage({ scope: "aggregate", models: own.facts?.usage?.models ?? [] }),
        }),
      ],
    ],
    ["of which one is a run", [alone("b", { execution: execution() })]],
    [
      "of which one is within a run",
      [alone("b", { parent: "run" }), spanRow({ trace: "b", span: "run", execution: execution() })],
    ],
    ["of which one has a span beneath it", [alone("b"), beneath("b")]],
  ];

  test.each(others)("%s", (_what, rows) => {
    const one = loneCall("a", "x", { responseId: "msg_1" });
    for (const order of permutations([one, ...rows])) {
      for (const path of [written(order), written(...order.map((row) => [row]))]) {
        expect(counted(path, "a", "b")).toEqual(["a", "b"]);
        expect(uses(path)).toBe(2);
      }
    }
  });
});

describe("a call that is not alone any more counts by itself", () => {
  test("and so does its twin, whichever of the two it is", () => {
    for (const trace of ["around", "own"]) {
      const spans = [around, own, beneath(trace)];
      for (const order of permutations(spans)) {
        expect(uses(written(...order.map((row) => [row])))).toBe(2);
        expect(uses(written(order.slice(0, 1), order.slice(1)))).toBe(2);
      }
    }
  });

  test("where an execution comes beneath it, too", () => {
    const run = spanRow({ trace: "own", span: "run", parent: "span", execution: execution() });
    for (const order of permutations([around, own, run])) {
      expect(uses(written(...order.map((row) => [row])))).toBe(2);
    }
  });

  test("and its twin finds another", () => {
    const calls = [loneCall("x1", "x"), loneCall("x2", "x"), loneCall("y", "y")];
    const store = openStore();
    store.write(calls, NOW_MS);
    expect(uses(store.path)).toBe(2);
    store.write([beneath("x1")], NOW_MS);
    expect(uses(store.path)).toBe(2);
    store.write([beneath("x2")], NOW_MS);
    expect(uses(store.path)).toBe(3);
    store.close();
  });

  test("also where that was written in a transaction that failed, and again", () => {
    const store = openStore();
    store.write([around, own], NOW_MS);
    store.write([beneath("own"), spanRow({ traceId: "not hex" })], NOW_MS);
    expect(uses(store.path)).toBe(2);
    store.close();
  });
});

describe("what a process does not know any more stays as the file has it", () => {
  /** After a restart, or in another process. */
  function reopened(store: Store): Store {
    store.close();
    return openStore(store.path, "w2");
  }

  test("a call that did not count is written again", () => {
    let store = openStore();
    store.write([around, own], NOW_MS);
    store = reopened(store);
    store.write([around], NOW_MS);
    expect(counted(store.path, "around", "own")).toEqual(["own"]);
    store.write([own, loneCall("y2", "y"), loneCall("x2", "x")], NOW_MS);
    expect(counted(store.path, "around", "own")).toEqual(["own"]);
    expect(uses(store.path)).toBe(2);
    store.close();
  });

  test("until it is not alone any more", () => {
    for (const trace of ["around", "own"]) {
      let store = openStore();
      store.write([around, own], NOW_MS);
      store = reopened(store);
      store.write([beneath(trace)], NOW_MS);
      expect(counted(store.path, trace)).toEqual([trace]);
      expect(uses(store.path)).toBe(trace === "around" ? 2 : 1);
      store.close();
    }
  });

  test("also where two processes write to one trace", () => {
    const [a, b] = [openStore(undefined, "a")].flatMap((first) => [
      first,
      openStore(first.path, "b"),
    ]);
    if (!a || !b) throw new Error("no stores");
    a.write([around], NOW_MS);
    b.write([around], NOW_MS);
    a.write([own], NOW_MS);
    expect(counted(a.path, "around", "own")).toEqual(["own"]);
    b.write([beneath("around")], NOW_MS);
    expect(counted(a.path, "around", "own")).toEqual(["around", "own"]);
    a.write([around, own], NOW_MS);
    expect(uses(a.path)).toBe(2);
    a.close();
    b.close();
  });

  test("the oldest calls are forgotten, both of a pair, and nothing of what they cost", () => {
    const store = openStore();
    const models = { outputTokens: 7 };
    store.write([around, own, loneCall("x", "x", { models })], NOW_MS);
    for (let i = 0; i < 1100; i++) {
      store.write([loneCall(`x${i}`, "x", { models: { outputTokens: 8 } })], NOW_MS);
    }
    store.write([loneCall("y", "y", { models })], NOW_MS);
    expect(counted(store.path, "around", "own", "x", "y")).toEqual(["own", "x", "y"]);
    store.write([beneath("own")], NOW_MS);
    expect(counted(store.path, "around", "own")).toEqual(["own"]);
    store.close();
  });

  test("no call that did not count counts because its twin is forgotten", () => {
    const store = openStore();
    const fill = (from: number) => {
      for (let i = from; i < from + 600; i++) {
        store.write([loneCall(`z${i}`, "z", { models: { outputTokens: 8 } })], NOW_MS);
      }
    };
    store.write([own], NOW_MS);
    fill(0);
    store.write([around], NOW_MS);
    fill(600);
    // It is of the same time as these, through the first of them.
    const link = loneCall("link", "@traceloop/instrumentation-anthropic", { at: [-10, 1000] });
    const other = loneCall("other", "com.anthropic.sdk.typescript", { at: [500, 1000] });
    store.write([link, other], NOW_MS);
    expect(counted(store.path, "around", "own")).toEqual(["own"]);
    expect(uses(store.path)).toBe(1202);
    store.close();
  });

  test("a call that never came to be written is no twin, nor is another span of its trace", () => {
    const calls = new LoneCalls();
    const [one, other] = [around, own].map((row) => {
      calls.add(row.traceId, traceNode(row), row.shape.resource, NOW_MS);
      return traceNode(row);
    });
    if (!one || !other) throw new Error("no spans");
    const twinOf = (node: TraceNode | null): string[] => {
      const nodes = (traceId: string) => (traceId === own.traceId ? other : node);
      const changed = calls.settle([own.traceId], (traceId) => {
        const found = nodes(traceId);
        return { nodes: new Map(found ? [[found.spanId, found]] : []), isPurged: found === null };
      });
      return [...changed.keys()];
    };
    expect(twinOf(one)).toEqual([around.traceId]);
    expect(twinOf(null)).toEqual([]);
    expect(twinOf({ ...one, spanId: "another" })).toEqual([]);
  });

  test("which calls are a pair is what was committed, when the older of them are forgotten", () => {
    const calls = new LoneCalls();
    const nodes = new Map<string, Map<string, TraceNode>>();
    const settle = (row: SpanRow, nowMs: number): number => {
      const node = traceNode(row);
      nodes.set(row.traceId, new Map([[node.spanId, node]]));
      calls.add(row.traceId, node, row.shape.resource, nowMs);
      const found = (traceId: string) => ({
        nodes: nodes.get(traceId) ?? new Map(),
        isPurged: false,
      });
      return calls.settle([row.traceId], found).size;
    };
    settle(around, NOW_MS);
    settle(own, NOW_MS);
    calls.commit(NOW_MS);
    const better = loneCall("better", "y", { at: [-1000, -1] });
    settle(better, NOW_MS + 300_000); // And is rolled back.
    expect(settle(better, NOW_MS + 300_000)).toBeGreaterThan(0);
    calls.settle([], () => ({ nodes: new Map(), isPurged: false }));
    calls.commit(NOW_MS + 600_001);
    const late = loneCall("late", "z", { at: [-1000, -1] });
    expect(settle(late, NOW_MS + 600_001)).toBe(1);
  });

  test("and those of long ago", () => {
    const store = openStore();
    store.write([around, own], NOW_MS);
    store.write([loneCall("x", "x", { models: { outputTokens: 7 } })], NOW_MS + HOUR_MS);
    store.write([beneath("own")], NOW_MS + HOUR_MS);
    expect(counted(store.path, "around", "own")).toEqual(["own"]);
    store.close();
  });

  test("all of a batch is looked at, however large it is", () => {
    const calls = Array.from({ length: 1500 }, (_, i) => {
      const at = [i * 10, i * 10 + 9] as const;
      return [loneCall(`x${i}`, "x", { at }), loneCall(`y${i}`, "y", { at })];
    });
    expect(uses(written(calls.flat()))).toBe(1500);
  });
});

const OLD_MS = (RETENTION_DAYS + 10) * DAY_MS;

describe("where the trace of a call was purged", () => {
  const at = [-OLD_MS - 1000, -OLD_MS] as const;
  const [first, second] = [loneCall("a", "x", { at }), loneCall("b", "y", { at, responseId: "1" })];
  const late = (trace: string) =>
    loneCall(trace, "z", { span: "late", parent: "span", at, usage: null });

  test("the other span of it comes, and it counts once", () => {
    for (const [before, after] of permutations([first, second])) {
      if (!before || !after) continue;
      const store = openStore();
      store.write([before], NOW_MS);
      maintain(store, NOW_MS);
      store.write([after], NOW_MS);
      expect(uses(store.path)).toBe(1);
      maintain(store, NOW_MS);
      store.write([before, after], NOW_MS);
      expect(uses(store.path)).toBe(1);
      maintain(store, NOW_MS);
      expect(uses(store.path)).toBe(1);
      store.close();
    }
  });

  test("it comes back as it was counted, also in another process, and is purged as it is then", () => {
    for (const [trace, expected] of [
      ["a", 2],
      ["b", 1],
    ] as const) {
      for (const restarts of [false, true]) {
        let store = openStore();
        store.write([first, second], NOW_MS);
        maintain(store, NOW_MS);
        expect(query(store.path, "SELECT * FROM traces")).toEqual([]);
        expect(uses(store.path)).toBe(1);
        if (restarts) {
          store.close();
          store = openStore(store.path, "w2");
        }
        store.write([late(trace)], NOW_MS);
        // The purged one is left as it is, whether that was to count or not.
        expect(uses(store.path)).toBe(expected);
        maintain(store, NOW_MS + HOUR_MS);
        expect(uses(store.path)).toBe(expected);
        store.close();
      }
    }
  });

  test("what it is counted for is what was changed since it came back", () => {
    const store = openStore();
    store.write([first, second], NOW_MS);
    maintain(store, NOW_MS);
    store.write([first, second], NOW_MS);
    store.write([late("b")], NOW_MS);
    maintain(store, NOW_MS + HOUR_MS);
    const before = uses(store.path);
    store.write([late("a")], NOW_MS + HOUR_MS);
    maintain(store, NOW_MS + 2 * HOUR_MS);
    expect(uses(store.path)).toBe(2);
    expect(before).toBeGreaterThanOrEqual(1);
    store.close();
  });
});

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
