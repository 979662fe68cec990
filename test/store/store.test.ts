import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { SpanRow } from "../../src/store/rows.ts";
import { permutations } from "../support/permutations.ts";
import { execution, hexId, modelUsage, NOW_MS, spanRow, usage } from "../support/span-rows.ts";
import { query, useStores } from "../support/stores.ts";

const { openStore, tempDir } = useStores();

/** Everything that settling decides, without ids that depend on arrival. */
function settledState(path: string): unknown {
  return {
    usage: query(
      path,
      "SELECT span_id, counted, ended_ms, cost_nano_usd FROM usage_rows ORDER BY 1, 4",
    ),
    runs: query(
      path,
      `SELECT span_id, repo, model, input_tokens, output_tokens, cost_nano_usd, cost_source, unpriced,
         usage_quality, duration_ms, session_id, num_turns, created_at FROM executions ORDER BY 1`,
    ),
  };
}

const REVIEW: SpanRow[] = [
  spanRow({
    span: "run",
    execution: execution(),
    usage: usage({ scope: "result" }),
    endMs: NOW_MS + 9,
  }),
  spanRow({
    span: "query",
    parent: "run",
    execution: execution({
      nested: true,
      sessionId: "s-1",
      numTurns: 3,
      model: "claude-sonnet-4-5",
    }),
    usage: usage({
      scope: "ledger",
      models: [
        modelUsage({ reportedCostNanoUsd: 7_791_000 }),
        modelUsage({ model: "claude-haiku-4-5", computedCostNanoUsd: 1_000, outputTokens: 1 }),
      ],
    }),
  }),
  spanRow({ span: "chat", parent: "query", usage: usage({ responseId: "msg_1" }) }),
  spanRow({ span: "tool", parent: "query" }),
  spanRow({ span: "stray", parent: "run", usage: usage({ responseId: "msg_1" }) }),
];

describe("writing a batch", () => {
  test("puts spans, the run and its usage into the file", () => {
    const store = openStore();
    expect(store.write(REVIEW, NOW_MS)).toEqual({ written: 5, duplicates: 0, poison: [] });
    expect(
      query(
        store.path,
        `SELECT agent_name, repo, model, input_tokens, output_tokens, cost_usd, cost_source,
           conclusion, session_id, num_turns, duration_ms, created_at FROM executions`,
      ),
    ).toEqual([
      {
        agent_name: "reviewer",
        repo: "acme/api",
        model: "claude-sonnet-4-5",
        input_tokens: 20,
        output_tokens: 6,
        cost_usd: 0.007792,
        cost_source: "estimated",
        conclusion: "success",
        session_id: "s-1",
        num_turns: 3,
        duration_ms: 1500,
        created_at: "2026-11-20 12:00:00",
      },
    ]);
    expect(query(store.path, "SELECT count(*) AS n FROM model_usage WHERE counted")).toEqual([
      { n: 2 },
    ]);
    store.close();
  });

  test("makes a lower bound of a run that was cut short, although each call is exact", () => {
    const store = openStore();
    const cutShort = execution({ nested: true, usageQuality: "lower_bound" });
    store.write(
      [
        spanRow({ span: "run", execution: execution({}) }),
        spanRow({ span: "query", parent: "run", execution: cutShort }),
        spanRow({ span: "chat", parent: "query", usage: usage({}) }),
      ],
      NOW_MS,
    );
    expect(query(store.path, "SELECT usage_quality, input_tokens FROM executions")).toEqual([
      { usage_quality: "lower_bound", input_tokens: 10 },
    ]);
    store.close();
  });

  test("again changes nothing", () => {
    const store = openStore();
    store.write(REVIEW, NOW_MS);
    const before = settledState(store.path);
    expect(store.write(REVIEW, NOW_MS + 5000)).toEqual({ written: 0, duplicates: 5, poison: [] });
    expect(settledState(store.path)).toEqual(before);
    expect(query(store.path, "SELECT spans FROM exporter_health")).toEqual([{ spans: 5 }]);
    store.close();
  });

  test("in any order, one span a batch, by any writer, settles the same", () => {
    const first = openStore();
    first.write(REVIEW, NOW_MS);
    const expected = settledState(first.path);
    first.close();
    for (const order of permutations(REVIEW)) {
      const path = join(tempDir(), "p.db");
      const writers = [openStore(path, "a"), openStore(path, "b")];
      for (const [index, row] of order.entries()) writers[index % 2]?.write([row], NOW_MS);
      expect(settledState(path)).toEqual(expected);
      for (const writer of writers) writer.close();
    }
  });

  test("leaves a poison row out, names it, and keeps its batch-mates", () => {
    const store = openStore();
    const rows = Array.from({ length: 20 }, (_, i) => spanRow({ span: i }));
    const poison = spanRow({ span: "bad", traceId: "not hex" });
    rows.splice(7, 0, poison);
    const result = store.write(rows, NOW_MS);
    expect(result.written).toBe(20);
    expect(result.poison.map(({ row }) => row)).toEqual([poison]);
    expect(result.poison[0]?.error.kind).toBe("poison");
    store.close();
  });

  test("a fractional number where the file wants a whole one costs that row alone", () => {
    const store = openStore();
    const bad = spanRow({
      span: "bad",
      usage: usage({ models: [modelUsage({ inputTokens: 1.5 })] }),
    });
    const result = store.write([spanRow(), bad], NOW_MS);
    expect([result.written, result.poison.length]).toEqual([1, 1]);
    store.close();
  });

  test("stores SQL in names as the text it is", () => {
    const store = openStore();
    const name = "'; DROP TABLE span_rows;--";
    store.write([spanRow({ name })], NOW_MS);
    expect(query(store.path, "SELECT name FROM spans")).toEqual([{ name }]);
    store.close();
  });
});

describe("the view spans", () => {
  test("gives back times to the nanosecond, attributes, and ids in hex", () => {
    const store = openStore();
    store.write(
      [
        spanRow({
          trace: "t",
          span: "child",
          parent: "up",
          startS: 1_795_000_000,
          startNs: 123_456_789,
          durationNs: 1,
          attributeKeys: '["f","i","o","t"]',
          attributeValues: '[0.1,9007199254740991,{"deep":[1]},true]',
          detail: '{"statusMessage":"bad","events":[{"name":"e","s":1,"ns":2}]}',
          statusCode: 2,
        }),
      ],
      NOW_MS,
    );
    expect(
      query(
        store.path,
        `SELECT trace_id, span_id, parent_span_id, cast(start_ns AS TEXT) AS start_ns,
           end_ns - start_ns AS ns, attributes, status, status_message, events, scope_name FROM spans`,
      ),
    ).toEqual([
      {
        trace_id: hexId("tt", 32),
        span_id: hexId("schild", 16),
        parent_span_id: hexId("sup", 16),
        start_ns: "1795000000123456789",
        ns: 1,
        attributes: '{"f":0.1,"i":9007199254740991,"o":{"deep":[1]},"t":true}',
        status: "error",
        status_message: "bad",
        events: '[{"name":"e","s":1,"ns":2}]',
        scope_name: "test",
      },
    ]);
    store.close();
  });
});
