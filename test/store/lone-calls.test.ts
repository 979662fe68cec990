import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { costReport } from "../../src/report/cost-report.ts";
import { openReader } from "../../src/store/reader.ts";
import type { SpanRow } from "../../src/store/rows.ts";
import { Store } from "../../src/store/store.ts";
import {
  around,
  beneath,
  COST_NANO_USD,
  counted,
  loneCall,
  maintain,
  own,
  uses,
} from "../support/lone-calls.ts";
import { permutations } from "../support/permutations.ts";
import { execution, hexId, NOW_MS, spanRow, usage } from "../support/span-rows.ts";
import { query, useStores } from "../support/stores.ts";

const { openStore, tempDir, written } = useStores();
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

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
    ["that name two responses", [alone("b", { responseId: "msg_2" })]],
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
