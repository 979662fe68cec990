import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { traceNode } from "../../src/store/trace-reader.ts";
import { countsFor, type LoneCall, twinCalls } from "../../src/store/twin-calls.ts";
import { fewestCalls, interval } from "../support/fewest-calls.ts";
import { type LoneCallChanges, loneCall } from "../support/lone-calls.ts";
import { permutations } from "../support/permutations.ts";

interface Changes extends LoneCallChanges {
  isPurged?: boolean;
  twinCounts?: boolean;
}

function call(
  trace: string,
  scopeName: string,
  { isPurged = false, twinCounts = false, ...changes }: Changes = {},
): LoneCall {
  const row = loneCall(trace, scopeName, changes);
  const { resource } = row.shape;
  return { ...traceNode(row), spanId: trace, resource, isPurged, twinCounts };
}

function countedOf(calls: readonly LoneCall[]): string[] {
  const twins = twinCalls(calls);
  for (const [one, twin] of twins) expect(twins.get(twin)).toBe(one);
  const counts = (one: LoneCall): boolean => {
    const twin = twins.get(one);
    return one.isPurged ? !one.twinCounts : !(twin && countsFor(twin, one));
  };
  return calls.filter(counts).map(({ spanId }) => spanId);
}

/** The names of those that count; the test fails where another order says otherwise. */
function counted(...calls: LoneCall[]): string[] {
  const [first = [], ...others] = permutations(calls).map((order) => countedOf(order).sort());
  for (const other of others) expect(other).toEqual(first);
  return first;
}

describe("of two lone calls that are one counts", () => {
  test("the one that names the response", () => {
    expect(counted(call("a", "x"), call("b", "y", { responseId: "msg_1" }))).toEqual(["b"]);
    expect(counted(call("a", "x", { responseId: "msg_1" }), call("b", "y"))).toEqual(["a"]);
  });

  test("one of them where neither names it, or both do, always the same", () => {
    const both = { responseId: "msg_1" };
    expect(counted(call("a", "x", both), call("b", "y", both))).toEqual(["a"]);
    expect(counted(call("a", "x"), call("b", "y"))).toEqual(["a"]);
  });

  test("the one whose cost is reported, and then the one that tells cached input apart", () => {
    const named = call("named", "x", { responseId: "msg_1" });
    const priced = call("priced", "y", { models: { reportedCostNanoUsd: 7 } });
    const cached = call("cached", "y", { models: { inputTokens: 1, cacheReadTokens: 9 } });
    expect(counted(named, priced)).toEqual(["priced"]);
    expect(counted(named, cached)).toEqual(["cached"]);
  });

  test("one, where the model's name lacks its date", () => {
    const bare = call("bare", "x", { models: { model: "gpt-4o" } });
    const dated = call("dated", "y", { models: { model: "gpt-4o-2024-08-06" } });
    expect(counted(bare, dated).length).toBe(1);
    const older = call("older", "y", { models: { model: "gpt-4o-2024-05-13" } });
    expect(counted(bare, dated, older).length).toBe(3);
    const before = call("before", "y", {
      models: { model: "gpt-4o-2024-05-13" },
      at: [-3000, -2000],
    });
    expect(counted(bare, dated, before).length).toBe(2);
  });
});

describe("lone calls are as many as they are", () => {
  const one = call("a", "x", { responseId: "msg_1" });
  test.each([
    ["of one instrumentation", call("b", "x")],
    ["that name two responses", call("b", "y", { responseId: "msg_2" })],
    ["of two processes", call("b", "y", { resource: '{"attributes":{"service.name":"other"}}' })],
    ["of two times", call("b", "y", { at: [500, 700] })],
    ["of two times, one right after the other", call("b", "y", { at: [0, 700] })],
  ])("%s", (_what, other) => {
    expect(counted(one, other)).toEqual(["a", "b"]);
  });

  test("three at once, by two instrumentations, are three", () => {
    const calls = ["1", "2", "3"].flatMap((n) => [
      call(`x${n}`, "x"),
      call(`y${n}`, "y", { responseId: n }),
    ]);
    expect(counted(...calls)).toEqual(["y1", "y2", "y3"]);
  });

  test("three at once, of which another sees two, are three", () => {
    const calls = ["1", "2", "3"].map((n) => call(`x${n}`, "x"));
    expect(counted(...calls, call("y1", "y"), call("y2", "y")).length).toBe(3);
  });

  test("a call that has its twin takes no second one", () => {
    expect(counted(call("a", "x"), call("b", "y"), call("c", "z")).length).toBe(2);
  });

  test("whichever of them name their response", () => {
    const calls = [
      call("x1", "x", { responseId: "msg_1" }),
      call("y1", "y"),
      call("x2", "x"),
      call("y2", "y", { responseId: "msg_2" }),
      call("x3", "x"),
      call("y3", "y"),
    ];
    expect(counted(...calls).length).toBe(3);
  });
});

describe("a call whose trace was purged stays as it is counted", () => {
  const best = { responseId: "msg_1" };

  test("and its twin follows", () => {
    expect(counted(call("a", "x", { isPurged: true }), call("b", "y", best))).toEqual(["a"]);
    const uncounted = call("a", "x", { isPurged: true, twinCounts: true, ...best });
    expect(counted(uncounted, call("b", "y"))).toEqual(["b"]);
  });

  test("so that no other call is taken for the twin that it had", () => {
    const calls = [
      call("x", "x"),
      call("y1", "y", best),
      call("y2", "y", { isPurged: true, twinCounts: true }),
    ];
    expect(counted(...calls)).toEqual(["x", "y1"]);
  });

  test("and is no twin of another that was counted and purged", () => {
    const gone = { isPurged: true };
    const calls = [
      call("x1", "x"),
      call("x2", "x", gone),
      call("x3", "x"),
      call("y1", "y", { ...gone, twinCounts: true }),
      call("y2", "y", gone),
      call("y3", "y"),
    ];
    expect(counted(...calls).length).toBe(3);
  });
});

describe("calls alike, at any times", () => {
  const intervals = fc.array(interval, { maxLength: 5 });

  test("that two instrumentations see are the fewest that they can be, and never fewer", () => {
    fc.assert(
      fc.property(intervals, intervals, fc.boolean(), (xs, ys, named) => {
        const calls = [
          ...xs.map((at, i) => call(`x${i}`, "x", { at })),
          ...ys.map((at, i) =>
            call(`y${i}`, "y", { at, ...(named ? { responseId: `msg_${i}` } : {}) }),
          ),
        ];
        expect(countedOf(calls).length).toBe(fewestCalls(xs, ys));
      }),
      { numRuns: 500 },
    );
  });

  test("that each two instrumentations see are as many as they are, whichever span names the response", () => {
    const seenTwice = fc.record({
      at: interval,
      late: fc.nat(1),
      namedBy: fc.constantFrom("x", "y", "neither"),
    });
    fc.assert(
      fc.property(fc.array(seenTwice, { maxLength: 9 }), (real) => {
        const calls = real.flatMap(({ at: [from, to], late, namedBy }, i) =>
          ["x", "y"].map((scope) =>
            call(`${scope}${i}`, scope, {
              at: scope === "x" ? [from, to] : [from, to + late],
              ...(namedBy === scope ? { responseId: `msg_${i}` } : {}),
            }),
          ),
        );
        expect(countedOf(calls).length).toBe(real.length);
      }),
      { numRuns: 500 },
    );
  });

  const span = fc.record({
    scope: fc.constantFrom("x", "y", "z"),
    at: interval,
    named: fc.boolean(),
    purged: fc.constantFrom(false, false, false, true),
    twinCounts: fc.boolean(),
    model: fc.constantFrom("gpt-4o", "gpt-4o", "gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
  });
  const spans = fc.array(span, { maxLength: 9 }).map((parts) =>
    parts.map(({ scope, at, named, purged, twinCounts, model }, i) =>
      call(`s${i}`, scope, {
        at,
        isPurged: purged,
        twinCounts,
        models: { model },
        ...(named ? { responseId: `msg_${i}` } : {}),
      }),
    ),
  );
  const shuffled = spans.chain((calls) =>
    fc.tuple(fc.constant(calls), fc.shuffledSubarray(calls, { minLength: calls.length })),
  );

  test("count the same in whatever order they come", () => {
    fc.assert(
      fc.property(shuffled, ([calls, others]) => {
        expect(countedOf(others).sort()).toEqual(countedOf(calls).sort());
      }),
      { numRuns: 1000 },
    );
  });

  test("are at least as many as any instrumentation sees, and as name a response", () => {
    fc.assert(
      fc.property(spans, (calls) => {
        const live = calls.map((one) => ({ ...one, isPurged: false }));
        const seen = [...Map.groupBy(live, (one) => one.scopeName).values()];
        const named = live.filter(({ usage }) => usage?.responseId).length;
        const { length } = countedOf(live);
        expect(length).toBeGreaterThanOrEqual(
          Math.max(named, ...seen.map((ofScope) => ofScope.length)),
        );
      }),
      { numRuns: 500 },
    );
  });
});
