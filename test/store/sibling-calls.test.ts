import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fewestCalls, interval } from "../support/fewest-calls.ts";
import { permutations } from "../support/permutations.ts";
import { settled } from "../support/settled.ts";
import { modelUsage, NOW_MS, type SpanRowChanges, spanRow, usage } from "../support/span-rows.ts";

/** A call beneath `parent` as the instrumentation `scope` tells it, in milliseconds from the trace's begin. */
function call(
  scope: string,
  [fromMs, toMs]: readonly [number, number] = [0, 1000],
  { models, responseId, scope: usageScope, ...span }: CallChanges = {},
): SpanRowChanges {
  const tells = { models: [modelUsage(models)], responseId: responseId ?? null };
  return {
    parent: "parent",
    scope: JSON.stringify({ name: scope }),
    endMs: NOW_MS + fromMs + 1500, // Where its start is derived from.
    durationNs: (toMs - fromMs) * 1e6,
    usage: usage({ scope: usageScope ?? "leaf", ...tells }),
    ...span,
  };
}

interface CallChanges {
  parent?: string | null;
  models?: Parameters<typeof modelUsage>[0];
  responseId?: string;
  scope?: "leaf" | "aggregate" | "result" | "ledger";
}

/** By name; a name is no number, because an object puts those in order. */
type Spans = Record<string, SpanRowChanges>;

/** What counts; the test fails where another order of the same spans settles differently. */
function countedInAnyOrder(spans: Spans): string[] {
  const [first, ...others] = permutations(Object.entries(spans)).map(
    (order) => settled(Object.fromEntries(order)).counted,
  );
  for (const other of others) expect(other).toEqual(first ?? []);
  return first ?? [];
}

test("the spans of these tests last as long as they say", () => {
  const row = spanRow(call("x", [200, 700]));
  expect(row.startS * 1000 + row.startNs / 1e6).toBe(NOW_MS + 200);
  expect(row.durationNs).toBe(500e6);
});

describe("two spans beside each other, of two instrumentations, tell of one call", () => {
  test("that counts once: the one that names the response", () => {
    const spans = { parent: {}, a: call("x"), b: call("y", [2, 990], { responseId: "msg_1" }) };
    expect(countedInAnyOrder(spans)).toEqual(["b"]);
    expect(countedInAnyOrder({ ...spans, a: spans.b, b: spans.a })).toEqual(["a"]);
  });

  test("where neither names the response", () => {
    expect(countedInAnyOrder({ parent: {}, a: call("x"), b: call("y") }).length).toBe(1);
  });

  test("where their parent is known by its id alone", () => {
    const spans = { a: call("x"), b: call("y", [2, 990], { responseId: "msg_1" }) };
    expect(countedInAnyOrder(spans)).toEqual(["b"]);
  });

  test("but not where both name a response, each another", () => {
    const spans = {
      a: call("x", [0, 1000], { responseId: "msg_1" }),
      b: call("y", [0, 1000], { responseId: "msg_2" }),
    };
    expect(countedInAnyOrder(spans)).toEqual(["a", "b"]);
  });

  test("whoever of them knows the cost stands, and then whoever tells cached input apart", () => {
    const named = call("x", [0, 1000], { responseId: "msg_1", models: { inputTokens: 10 } });
    const priced = call("y", [0, 1000], { models: { reportedCostNanoUsd: 7 } });
    const cached = call("y", [0, 1000], { models: { inputTokens: 1, cacheReadTokens: 9 } });
    expect(countedInAnyOrder({ named, priced })).toEqual(["priced"]);
    expect(countedInAnyOrder({ named, cached })).toEqual(["cached"]);
  });

  test("seen by three instrumentations, too", () => {
    const spans = {
      a: call("x", [0, 1000]),
      b: call("y", [1, 999]),
      c: call("z", [2, 998], { responseId: "msg_1" }),
    };
    expect(countedInAnyOrder(spans)).toEqual(["c"]);
  });
});

describe("spans beside each other are as many calls as they are", () => {
  const one = call("x", [0, 1000], { responseId: "msg_1" });
  const others: [string, Spans][] = [
    ["of one instrumentation", { one, other: call("x") }],
    [
      "of one instrumentation in two versions",
      { one, other: { ...call("x"), scope: '{"name":"x","version":"2"}' } },
    ],
    ["of an instrumentation without a name", { one, other: call("") }],
    ["of two times", { one, other: call("y", [1200, 1700]) }],
    ["of two times, one right after the other", { one, other: call("y", [1000, 1700]) }],
    [
      "of two models",
      { one, other: call("y", [0, 1000], { models: { model: "claude-opus-4-5" } }) },
    ],
    [
      "of a model without a name",
      { one, other: call("y", [0, 1000], { models: { model: null } }) },
    ],
    ["of another input", { one, other: call("y", [0, 1000], { models: { inputTokens: 11 } }) }],
    [
      "of more cached input",
      { one, other: call("y", [0, 1000], { models: { cacheReadTokens: 1 } }) },
    ],
    ["of another output", { one, other: call("y", [0, 1000], { models: { outputTokens: 6 } }) }],
    ["of unknown output", { one, other: call("y", [0, 1000], { models: { outputTokens: null } }) }],
    ["of two parents", { one, other: call("y", [0, 1000], { parent: "another" }) }],
    [
      "without a parent",
      { one: { ...one, parent: null }, other: call("y", [0, 1000], { parent: null }) },
    ],
    ["of which one is an agent's", { one, other: call("y", [0, 1000], { scope: "aggregate" }) }],
    [
      "of which one is a run's own account",
      { one, other: call("y", [0, 1000], { scope: "ledger" }) },
    ],
  ];

  test.each(others)("%s", (_what, spans) => {
    expect(countedInAnyOrder(spans)).toEqual(["one", "other"]);
  });

  test("of an instrumentation without a name, where two others tell of one call", () => {
    const spans = { one, same: call("y"), other: call("") };
    expect(countedInAnyOrder(spans)).toEqual(["one", "other"]);
  });

  test("of which nothing is known but what they cost", () => {
    for (const tokens of [0, null]) {
      const models = { inputTokens: tokens, outputTokens: tokens, reportedCostNanoUsd: 7 };
      const spans = { one: call("x", [0, 9], { models }), other: call("y", [0, 9], { models }) };
      expect(countedInAnyOrder(spans)).toEqual(["one", "other"]);
    }
  });

  test("of several models, as accounts are", () => {
    const two = usage({ models: [modelUsage(), modelUsage()] });
    const spans = { one: { ...one, usage: two }, other: { ...call("y"), usage: two } };
    expect(countedInAnyOrder(spans)).toEqual(["one", "other"]);
  });
});

describe("a model's name may lack the date of its version", () => {
  const calls = (...names: string[]): Spans =>
    Object.fromEntries(
      names.map((model, i) => [`s${i}`, call(`scope ${i}`, [0, 1000], { models: { model } })]),
    );

  test.each([
    ["claude-haiku-4-5", "claude-haiku-4-5-20251001"],
    ["claude-haiku-4-5", "claude-haiku-4-5@20251001"],
    ["gpt-4o", "gpt-4o-2024-08-06"],
  ])("%s is %s", (bare, dated) => {
    expect(countedInAnyOrder(calls(bare, dated)).length).toBe(1);
  });

  test.each([
    ["gpt-4o-2024-05-13", "gpt-4o-2024-08-06"],
    ["gpt-4o", "gpt-4o-mini"],
    ["gpt-4", "gpt-4-0613"],
  ])("%s is not %s", (one, other) => {
    expect(countedInAnyOrder(calls(one, other)).length).toBe(2);
  });

  test("and stands for none of two versions", () => {
    expect(countedInAnyOrder(calls("gpt-4o", "gpt-4o-2024-05-13", "gpt-4o-2024-08-06"))).toEqual([
      "s0",
      "s1",
      "s2",
    ]);
  });
});

describe("each span stands for one call", () => {
  test("three calls at once, alike, that two instrumentations see, are three", () => {
    const spans = {
      a1: call("x", [0, 1000]),
      a2: call("x", [1, 1001]),
      a3: call("x", [2, 1002]),
      b1: call("y", [0, 1000], { responseId: "msg_1" }),
      b2: call("y", [1, 1001], { responseId: "msg_2" }),
      b3: call("y", [2, 1002], { responseId: "msg_3" }),
    };
    expect(countedInAnyOrder(spans)).toEqual(["b1", "b2", "b3"]);
  });

  test("a call that only one of them sees is one more", () => {
    const spans = {
      a1: call("x", [0, 1000]),
      a2: call("x", [1, 1001]),
      b1: call("y", [0, 1000], { responseId: "msg_1" }),
    };
    expect(countedInAnyOrder(spans).length).toBe(2);
  });

  test("two of one instrumentation are two, beside one of another, though only one names its response", () => {
    const spans = {
      a1: call("x", [0, 1000], { responseId: "msg_1" }),
      a2: call("x", [1, 1001]),
      b: call("y", [0, 1001]),
    };
    expect(countedInAnyOrder(spans).length).toBe(2);
  });

  test("one that is told to end later than the next begins is not taken for the next", () => {
    const spans = {
      a1: call("x", [0, 10]),
      a2: call("x", [12, 13]),
      b1: call("y", [1, 14]),
      b2: call("y", [11, 14]),
    };
    expect(countedInAnyOrder(spans).length).toBe(2);
  });

  test("that took no time is one all the same", () => {
    expect(countedInAnyOrder({ a: call("x", [5, 5]), b: call("y", [5, 5]) }).length).toBe(1);
  });
});

describe("a call that is accounted for elsewhere", () => {
  test("by its response, deeper: neither of the two counts", () => {
    const spans = {
      a: call("x"),
      b: call("y", [0, 1000], { responseId: "msg_1" }),
      tool: { parent: "parent" },
      deep: call("z", [0, 1000], { parent: "tool", responseId: "msg_1" }),
    };
    expect(countedInAnyOrder(spans)).toEqual(["deep"]);
  });

  test("by a ledger above its response: neither of the two counts", () => {
    const spans = {
      a: call("x"),
      b: call("y", [0, 1000], { responseId: "msg_1" }),
      query: { parent: "parent", usage: usage({ scope: "ledger" }) },
      chat: call("z", [0, 1000], { parent: "query", responseId: "msg_1" }),
    };
    expect(countedInAnyOrder(spans)).toEqual(["query"]);
  });

  test("by a ledger above both", () => {
    const spans = {
      parent: { usage: usage({ scope: "ledger" }) },
      a: call("x"),
      b: call("y", [0, 1000], { responseId: "msg_1" }),
    };
    expect(countedInAnyOrder(spans)).toEqual(["parent"]);
  });

  test("by usage beneath one of the two: what stands deepest counts alone", () => {
    for (const [around, beside] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      const spans = {
        [around]: call("x"),
        [beside]: call("y"),
        within: call("z", [1, 999], { parent: around, responseId: "msg_1" }),
      };
      expect(countedInAnyOrder(spans)).toEqual(["within"]);
    }
  });
});

describe("calls alike, at any times", () => {
  const intervals = fc.array(interval, { maxLength: 5 });

  test("that two instrumentations see are the fewest that they can be, and never fewer", () => {
    fc.assert(
      fc.property(intervals, intervals, fc.boolean(), (xs, ys, named) => {
        const spans: Spans = {};
        for (const [i, at] of xs.entries()) spans[`x${i}`] = call("x", at);
        for (const [i, at] of ys.entries()) {
          spans[`y${i}`] = call("y", at, named ? { responseId: `msg_${i}` } : {});
        }
        expect(settled(spans).counted.length).toBe(fewestCalls(xs, ys));
      }),
      { numRuns: 500 },
    );
  });

  const span = fc.record({
    at: interval,
    scope: fc.constantFrom("x", "y", "z"),
    response: fc.nat(6),
    parent: fc.nat(29),
    cached: fc.nat(1),
  });
  /** Spans of three instrumentations, of which about half name a response, most beneath one parent. */
  const trace = fc.array(span, { minLength: 2, maxLength: 9 }).map((parts) =>
    parts.map(({ at, scope, response, parent, cached }, i) => {
      const above = parent < i ? `s${parent}` : "parent";
      const models = { inputTokens: 10 - cached, cacheReadTokens: cached };
      const named = response < 3 ? { responseId: `msg_${response}` } : {};
      return [`s${i}`, call(scope, at, { parent: above, models, ...named })] as const;
    }),
  );

  test("count the same in whatever order their spans come, whoever sees and names them", () => {
    const anyOrder = trace.chain((spans) =>
      fc.tuple(fc.constant(spans), fc.shuffledSubarray(spans, { minLength: spans.length })),
    );
    fc.assert(
      fc.property(anyOrder, ([spans, shuffled]) => {
        expect(settled(Object.fromEntries(shuffled)).counted).toEqual(
          settled(Object.fromEntries(spans)).counted,
        );
      }),
      { numRuns: 1000 },
    );
  });

  test("are at least as many as any instrumentation sees", () => {
    const beside = fc.array(fc.tuple(fc.constantFrom("x", "y", "z"), interval, fc.boolean()), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(beside, (parts) => {
        const spans: Spans = {};
        for (const [i, [scope, at, named]] of parts.entries()) {
          spans[`s${i}`] = call(scope, at, named ? { responseId: `msg_${i}` } : {});
        }
        const seen = [...Map.groupBy(parts, ([scope]) => scope).values()];
        const most = Math.max(0, ...seen.map((ofScope) => ofScope.length));
        const named = parts.filter(([, , isNamed]) => isNamed).length;
        const { length } = settled(spans).counted;
        expect(length).toBeGreaterThanOrEqual(Math.max(most, named));
        expect(length).toBeLessThanOrEqual(parts.length);
      }),
      { numRuns: 500 },
    );
  });
});
