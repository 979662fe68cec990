/** What each result of a session added to it. */
import { expect, test } from "bun:test";
import { Account, continuationOf } from "../../../src/otel/agent-sdk/account.ts";
import type { Ledger, Totals } from "../../../src/otel/agent-sdk/ledger.ts";
import { BoundedMap } from "../../../src/otel/bounded-map.ts";

const SEEN = { usage: true, model: "claude-sonnet-4-5" };
const NOTHING_SEEN = { usage: false, model: undefined };

function sessions(): BoundedMap<string, Totals> {
  return new BoundedMap(10);
}

function total(usage: Record<string, [outputTokens: number, costUSD: number]>, sessionId = "s") {
  return {
    type: "result",
    subtype: "success",
    session_id: sessionId,
    modelUsage: Object.fromEntries(
      Object.entries(usage).map(([model, [outputTokens, costUSD]]) => [
        model,
        { inputTokens: 0, outputTokens, costUSD },
      ]),
    ),
  };
}

function brief(ledger: Ledger | undefined) {
  return ledger?.entries.map(({ model, outputTokens, costUsd }) => [model, outputTokens, costUsd]);
}

test("each result counts what it added, for each model", () => {
  const account = new Account(sessions(), undefined);
  const first = account.ledgerOf(total({ a: [10, 0.1] }), undefined, SEEN);
  const second = account.ledgerOf(total({ a: [10, 0.1], b: [7, 0.2] }), undefined, SEEN);
  const third = account.ledgerOf(total({ a: [12, 0.3], b: [7, 0.2] }), undefined, SEEN);
  expect([first, second, third].map(brief)).toEqual([
    [["a", 10, 0.1]],
    [["b", 7, 0.2]],
    [["a", 2, 0.2]],
  ]);
});

test("a new session, a cleared conversation and a falling counter begin at zero", () => {
  const account = new Account(sessions(), undefined);
  account.ledgerOf(total({ a: [10, 0.1] }), undefined, SEEN);
  expect(brief(account.ledgerOf(total({ a: [11, 0.2] }, "t"), undefined, SEEN))).toEqual([
    ["a", 11, 0.2],
  ]);
  account.reset();
  expect(brief(account.ledgerOf(total({ a: [12, 0.3] }, "t"), undefined, SEEN))).toEqual([
    ["a", 12, 0.3],
  ]);
  expect(brief(account.ledgerOf(total({ a: [13, 0.2] }, "t"), undefined, SEEN))).toEqual([
    ["a", 13, 0.2],
  ]);
  expect(brief(account.ledgerOf(total({ b: [1, 0.1] }, "t"), undefined, SEEN))).toEqual([
    ["b", 1, 0.1],
  ]);
});

test("zeros in between do not make the next total count again", () => {
  const account = new Account(sessions(), undefined);
  account.ledgerOf(total({ a: [10, 0.1] }), undefined, SEEN);
  expect(account.ledgerOf(total({}), undefined, SEEN)).toBeUndefined();
  expect(
    account.ledgerOf({ ...total({}), subtype: "error_during_execution" }, undefined, NOTHING_SEEN),
  ).toBeUndefined();
  expect(brief(account.ledgerOf(total({ a: [15, 0.3] }), undefined, SEEN))).toEqual([
    ["a", 5, 0.2],
  ]);
});

test("a total that did not move although tokens were seen is no account", () => {
  const account = new Account(sessions(), undefined);
  account.ledgerOf(total({ a: [10, 0.1] }), undefined, SEEN);
  expect(account.ledgerOf(total({ a: [10, 0.1] }), undefined, SEEN)).toBeUndefined();
  expect(brief(account.ledgerOf(total({ a: [10, 0.1] }), undefined, NOTHING_SEEN))).toEqual([]);
});

test("a resumed or forked session goes on from what another query left", () => {
  for (const [options, sessionId] of [
    [{ resume: "s" }, "s"],
    [{ continue: true }, "s"],
    [{ resume: "s", forkSession: true }, "forked"],
  ] as const) {
    const shared = sessions();
    new Account(shared, undefined).ledgerOf(total({ a: [10, 0.1] }), undefined, SEEN);
    const account = new Account(shared, continuationOf(options));
    const ledger = account.ledgerOf(total({ a: [14, 0.3] }, sessionId), "2.1.330", SEEN);
    expect(brief(ledger)).toEqual([["a", 4, 0.2]]);
    expect(ledger?.quality).toBe("exact");
  }
});

test("queries that resume one session at once each go on from what it was when they began", () => {
  const shared = sessions();
  new Account(shared, undefined).ledgerOf(total({ a: [10, 0.1] }), undefined, SEEN);
  const [one, other] = [0, 1].map(() => new Account(shared, continuationOf({ resume: "s" })));
  expect(brief(one?.ledgerOf(total({ a: [15, 0.15] }), undefined, SEEN))).toEqual([["a", 5, 0.05]]);
  expect(brief(other?.ledgerOf(total({ a: [12, 0.12] }), undefined, SEEN))).toEqual([
    ["a", 2, 0.02],
  ]);
});

test("versions before the change began a resumed session at zero", () => {
  const shared = sessions();
  new Account(shared, undefined).ledgerOf(total({ a: [10, 0.1] }), undefined, SEEN);
  for (const version of ["2.1.276", "2.0.999", "1.0.0"]) {
    const account = new Account(shared, continuationOf({ resume: "s" }));
    expect(brief(account.ledgerOf(total({ a: [14, 0.3] }), version, SEEN))).toEqual([
      ["a", 14, 0.3],
    ]);
    new Account(shared, undefined).ledgerOf(total({ a: [10, 0.1] }), undefined, SEEN);
  }
});

test("a session resumed from an unknown total is marked, and the next result is exact again", () => {
  for (const options of [
    { resume: "elsewhere" },
    { continue: true },
    { resume: "s", resumeSessionAt: "m" },
  ]) {
    const shared = sessions();
    new Account(shared, undefined).ledgerOf(total({ a: [1, 0.1] }), undefined, SEEN);
    const account = new Account(shared, continuationOf(options));
    const first = account.ledgerOf(total({ a: [14, 0.3] }, "t"), undefined, SEEN);
    const second = account.ledgerOf(total({ a: [15, 0.4] }, "t"), undefined, SEEN);
    expect([first?.quality, second?.quality]).toEqual(["unknown_base", "exact"]);
    expect(brief(second)).toEqual([["a", 1, 0.1]]);
  }
});

test("what the SDK says was added beats every difference, and moves the total on", () => {
  const account = new Account(sessions(), continuationOf({ resume: "elsewhere" }));
  const added = { a: { outputTokens: 3, costUSD: 0.1 } };
  const first = account.ledgerOf(
    { ...total({ a: [14, 0.3] }), model_usage_since_last_result: added },
    undefined,
    SEEN,
  );
  expect(first?.quality).toBe("exact");
  expect(brief(first)).toEqual([["a", 3, 0.1]]);
  expect(brief(account.ledgerOf(total({ a: [15, 0.4] }), undefined, SEEN))).toEqual([
    ["a", 1, 0.1],
  ]);
});

test("a turn that broke before it used anything is no crash of the account, which goes on", () => {
  const account = new Account(sessions(), undefined);
  account.ledgerOf(total({ a: [10, 0.1] }), undefined, SEEN);
  const broken = {
    ...total({ a: [10, 0.1] }),
    subtype: "error_during_execution",
    model_usage_since_last_result: {},
  };
  expect(account.ledgerOf(broken, undefined, NOTHING_SEEN)).toMatchObject({
    entries: [],
    quality: "exact",
  });
});

test("money is divided in whole nano-dollars", () => {
  const account = new Account(sessions(), undefined);
  account.ledgerOf(total({ a: [1, 0.007790999999999999] }), undefined, SEEN);
  const second = account.ledgerOf(total({ a: [2, 0.017120399999999997] }), undefined, SEEN);
  expect(brief(second)).toEqual([["a", 1, 0.0093294]]);
});

test("aliases of one model are one entry, under its canonical name and its provider's", () => {
  const account = new Account(sessions(), undefined);
  const usage = { inputTokens: 1, outputTokens: 2, thinkingTokens: 1, webSearchRequests: 1 };
  const canonical = { ...usage, canonicalModel: "claude-sonnet-4-5", provider: "vertex" };
  const ledger = account.ledgerOf(
    {
      ...total({}),
      modelUsage: {
        sonnet: { ...canonical, costUSD: 0.1, costBasis: "list" },
        "claude-sonnet-4-5[1m]": { ...canonical, costUSD: 0.2, costBasis: "unknown" },
        "us.anthropic.claude": { ...usage, provider: "bedrock" },
      },
    },
    undefined,
    { usage: true, model: "sonnet" },
  );
  expect(ledger?.entries).toEqual([
    {
      model: "claude-sonnet-4-5",
      provider: "gcp.vertex_ai",
      costBasis: "unknown",
      inputTokens: 2,
      outputTokens: 4,
      cacheReadTokens: 0,
      cacheCreationTokens: 0,
      reasoningTokens: 2,
      webSearchRequests: 2,
      costUsd: 0.3,
    },
    {
      model: "us.anthropic.claude",
      provider: "aws.bedrock",
      inputTokens: 1,
      outputTokens: 2,
      cacheReadTokens: 0,
      cacheCreationTokens: 0,
      reasoningTokens: 1,
      webSearchRequests: 1,
    },
  ]);
  expect(ledger?.model).toBe("claude-sonnet-4-5");
});

function totalCost(costUsd: number | undefined, fields: object = {}) {
  return {
    type: "result",
    subtype: "success",
    session_id: "s",
    total_cost_usd: costUsd,
    usage: { output_tokens: 5 },
    ...fields,
  };
}

function costs(account: Account, ...results: ReturnType<typeof totalCost>[]) {
  const ledgers = results.map((result) => account.ledgerOf(result, undefined, SEEN));
  return ledgers.map((ledger) => ledger?.entries[0]?.costUsd);
}

test("without usage per model the main loop's usage is a lower bound, and its cost a difference", () => {
  const account = new Account(sessions(), undefined);
  const ledgers = [totalCost(0.1), totalCost(0.3)].map((r) => account.ledgerOf(r, undefined, SEEN));
  expect(ledgers.map((ledger) => ledger?.quality)).toEqual(["lower_bound", "lower_bound"]);
  expect(ledgers.map(brief)).toEqual([
    [["claude-sonnet-4-5", 5, 0.1]],
    [["claude-sonnet-4-5", 5, 0.2]],
  ]);
});

test("a result that says no cost does not make the next one cost everything again", () => {
  const account = new Account(sessions(), undefined);
  const added = costs(account, totalCost(0.1), totalCost(undefined), totalCost(0), totalCost(0.3));
  expect(added).toEqual([0.1, undefined, 0, 0.2]);
});

test("a total cost goes on from a result that had usage per model", () => {
  const account = new Account(sessions(), undefined);
  const modelUsage = { a: { outputTokens: 5, costUSD: 0.1 } };
  expect(costs(account, totalCost(0.1, { modelUsage }), totalCost(0.3))).toEqual([0.1, 0.2]);
});

test("a total cost begins at zero in a new session and in a cleared conversation", () => {
  const account = new Account(sessions(), undefined);
  expect(costs(account, totalCost(0.1), totalCost(0.3, { session_id: "t" }))).toEqual([0.1, 0.3]);
  account.reset();
  expect(costs(account, totalCost(0.4, { session_id: "t" }))).toEqual([0.4]);
});
