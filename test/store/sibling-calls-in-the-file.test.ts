import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { SpanRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { ledger } from "../support/ledger.ts";
import { permutations } from "../support/permutations.ts";
import { execution, modelUsage, NOW_MS, spanRow, usage } from "../support/span-rows.ts";
import { useStores } from "../support/stores.ts";

const { openStore, tempDir } = useStores();
const DAY_MS = 86_400_000;
const RETENTION_MS = 90 * DAY_MS;

/** A run with one call that two instrumentations tell of, of which one names the response. */
function runOfOneCall(endMs = NOW_MS): SpanRow[] {
  const models = [modelUsage({ computedCostNanoUsd: 105_000 })];
  const call = { parent: "run", endMs, name: "chat" };
  return [
    spanRow({ span: "run", execution: execution(), endMs: endMs + 1 }),
    spanRow({ ...call, span: "around", scope: '{"name":"x"}', usage: usage({ models }) }),
    spanRow({
      ...call,
      span: "own",
      scope: '{"name":"y","version":"1"}',
      usage: usage({ models, responseId: "msg_1" }),
    }),
  ];
}

function settledState(path: string): unknown {
  const db = new Database(path, { readonly: true });
  try {
    return {
      counted: db.query("SELECT response_id FROM model_usage WHERE counted").all(),
      uses: db.query("SELECT count(*) AS n FROM model_usage").get(),
      runs: db.query("SELECT input_tokens, output_tokens, cost_nano_usd FROM executions").all(),
    };
  } finally {
    db.close(true);
  }
}

function purge(store: Store, nowMs: number): void {
  const maintainer = store.maintainer({ retentionMs: RETENTION_MS, maxDbBytes: 0 });
  for (let steps = 0; maintainer.step(nowMs).didWork; steps++) {
    if (steps > 10_000) throw new Error("maintenance never ends");
  }
}

test("one call that two instrumentations tell of is the run's once, whoever writes its spans and in which order", () => {
  for (const order of permutations(runOfOneCall())) {
    const path = join(tempDir(), "t.db");
    const writers = [openStore(path, "a"), openStore(path, "b")];
    for (const [i, row] of order.entries()) writers[i % 2]?.write([row], NOW_MS);
    expect(settledState(path)).toEqual({
      counted: [{ response_id: "msg_1" }],
      uses: { n: 2 },
      runs: [{ input_tokens: 10, output_tokens: 5, cost_nano_usd: 105_000 }],
    });
    for (const writer of writers) writer.close();
  }
});

const OLD_MS = NOW_MS - RETENTION_MS - DAY_MS;

/** What the file says was spent, where `late` arrives after the rest was purged. */
function ledgerWithLate(late: SpanRow, betweenPurgeAndLate: (path: string) => void = () => {}) {
  const store = openStore();
  const others = runOfOneCall(OLD_MS).filter(({ spanId }) => spanId !== late.spanId);
  store.write(others, NOW_MS);
  purge(store, NOW_MS);
  betweenPurgeAndLate(store.path);
  store.write([late], NOW_MS + 1000);
  const before = ledger(store.path);
  purge(store, NOW_MS + 2000);
  expect(ledger(store.path)).toEqual(before);
  store.close();
  return before;
}

test("it counts once where one of its spans comes after its trace was purged", () => {
  const whole = openStore();
  whole.write(runOfOneCall(OLD_MS), NOW_MS);
  const expected = ledger(whole.path);
  whole.close();
  expect(expected).toMatchObject([{ runs: 1, cost_nano_usd: 105_000 }]);
  for (const late of runOfOneCall(OLD_MS)) expect(ledgerWithLate(late)).toEqual(expected);
});

test("a trace that was purged without the names of its instrumentations is settled by its ids", () => {
  const forgetNames = (path: string): void => {
    const db = new Database(path);
    const [{ nodes }] = db.query("SELECT nodes FROM purged_traces").all() as [{ nodes: string }];
    const forgotten = nodes.replace(/"scopeName":"[^"]*",/, "");
    expect(forgotten).not.toBe(nodes);
    db.run("UPDATE purged_traces SET nodes = ?", [forgotten]);
    db.close(true);
  };
  const calls = runOfOneCall(OLD_MS).filter((row) => row.facts?.usage);
  expect(calls.length).toBe(2);
  for (const late of calls) {
    expect(ledgerWithLate(late, forgetNames)).toMatchObject([{ runs: 1, cost_nano_usd: 210_000 }]);
  }
});
