import { describe, expect, test } from "bun:test";
import { LoneCalls } from "../../src/store/lone-calls.ts";
import type { SpanRow } from "../../src/store/rows.ts";
import type { TraceNode } from "../../src/store/settle.ts";
import type { Store } from "../../src/store/store.ts";
import { traceNode } from "../../src/store/trace-reader.ts";
import {
  around,
  beneath,
  counted,
  loneCall,
  maintain,
  OLD_MS,
  own,
  uses,
} from "../support/lone-calls.ts";
import { permutations } from "../support/permutations.ts";
import { NOW_MS } from "../support/span-rows.ts";
import { query, useStores } from "../support/stores.ts";

const { openStore, written } = useStores();
const HOUR_MS = 3_600_000;

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
