import { describe, expect, test } from "bun:test";
import { settled } from "../support/settled.ts";
import { execution, modelUsage, type SpanRowChanges, usage } from "../support/span-rows.ts";

const ledger = usage({ scope: "ledger" });
const result = usage({ scope: "result" });
const aggregate = usage({ scope: "aggregate" });
const leaf = usage();
const response = (responseId: string) => usage({ responseId });

describe("what stands deepest wins", () => {
  test("a parent that repeats its children's totals is not counted", () => {
    const { counted } = settled({
      agent: { usage: aggregate },
      step: { parent: "agent", usage: aggregate },
      chat1: { parent: "step", usage: leaf },
      chat2: { parent: "step", usage: leaf },
    });
    expect(counted).toEqual(["chat1", "chat2"]);
  });

  test("a parent without usage beneath it is counted", () => {
    expect(settled({ agent: { usage: aggregate }, tool: { parent: "agent" } }).counted).toEqual([
      "agent",
    ]);
  });

  test("a span between the two that carries no usage hides nothing", () => {
    const { counted } = settled({
      agent: { usage: aggregate },
      tool: { parent: "agent" },
      chat: { parent: "tool", usage: leaf },
    });
    expect(counted).toEqual(["chat"]);
  });

  test("an executor's result stands only where nothing beneath it is counted", () => {
    const run = { execution: execution(), usage: result };
    expect(settled({ run }).counted).toEqual(["run"]);
    expect(settled({ run, chat: { parent: "run", usage: leaf } }).counted).toEqual(["chat"]);
  });
});

describe("a run's own ledger", () => {
  test("silences all that stands beneath it", () => {
    const { counted } = settled({
      query: { execution: execution(), usage: ledger },
      chat: { parent: "query", usage: leaf },
      subagent: { parent: "query", usage: aggregate },
      inner: { parent: "subagent", usage: leaf },
    });
    expect(counted).toEqual(["query"]);
  });

  test("beats the result of the executor around it", () => {
    const { counted, runs } = settled({
      run: { execution: execution(), usage: result },
      query: { parent: "run", execution: execution({ nested: true }), usage: ledger },
    });
    expect(counted).toEqual(["query"]);
    expect(runs).toEqual(["run"]);
  });

  test("beneath another ledger is another process's account, and counts beside it", () => {
    const { counted } = settled({
      outer: { execution: execution(), usage: ledger },
      tool: { parent: "outer" },
      inner: { parent: "tool", execution: execution({ nested: true }), usage: ledger },
      chat: { parent: "inner", usage: leaf },
    });
    expect(counted).toEqual(["inner", "outer"]);
  });

  test("with an unknown base is never summed, and what was seen beneath it is", () => {
    const { counted } = settled({
      query: { execution: execution(), usage: usage({ scope: "ledger", quality: "unknown_base" }) },
      chat: { parent: "query", usage: usage({ quality: "lower_bound" }) },
    });
    expect(counted).toEqual(["chat"]);
  });
});

describe("two spans of one response", () => {
  test("count once, the deeper one", () => {
    const { counted } = settled({
      outer: { usage: response("msg_1") },
      inner: { parent: "outer", usage: response("msg_1") },
    });
    expect(counted).toEqual(["inner"]);
  });

  test("count once where they are siblings, the one that knows the cost", () => {
    const priced = { responseId: "msg_1", models: [modelUsage({ reportedCostNanoUsd: 7 })] };
    const { counted } = settled({
      root: {},
      a: { parent: "root", usage: response("msg_1") },
      b: { parent: "root", usage: usage(priced) },
    });
    expect(counted).toEqual(["b"]);
  });

  test("do not count where a ledger accounts for one of them", () => {
    const { counted } = settled({
      root: {},
      query: { parent: "root", usage: ledger },
      chat: { parent: "query", usage: response("msg_1") },
      elsewhere: { parent: "root", usage: response("msg_1") },
    });
    expect(counted).toEqual(["query"]);
  });

  test("silence the parent that repeats them although they are counted elsewhere", () => {
    const { counted } = settled({
      root: {},
      agent: { parent: "root", usage: aggregate },
      shallow: { parent: "agent", usage: response("msg_1") },
      other: { parent: "root" },
      other2: { parent: "other" },
      deep: { parent: "other2", usage: response("msg_1") },
    });
    expect(counted).toEqual(["deep"]);
  });
});

describe("runs", () => {
  test("are the outermost executions, several in one trace", () => {
    const { runs } = settled({
      request: {},
      a: { parent: "request", execution: execution() },
      inner: { parent: "a", execution: execution() },
      b: { parent: "request", execution: execution() },
    });
    expect(runs).toEqual(["a", "b"]);
  });

  test("are never made of an execution that knows it is nested, even before its outer one arrived", () => {
    expect(
      settled({ inner: { parent: "gone", execution: execution({ nested: true }) } }).runs,
    ).toEqual([]);
  });
});

describe("a trace of any shape is settled", () => {
  test("parents in a circle", () => {
    const { counted } = settled({
      a: { parent: "b", usage: leaf },
      b: { parent: "a", usage: leaf },
      c: { parent: "c", usage: leaf },
    });
    expect(counted).toEqual(["c"]);
  });

  test("a chain of 20,000 spans", () => {
    const spans: Record<string, SpanRowChanges> = { n0: { usage: aggregate } };
    for (let i = 1; i < 20_000; i += 1) spans[`n${i}`] = { parent: `n${i - 1}` };
    spans["leaf"] = { parent: "n19999", usage: leaf };
    expect(settled(spans).counted).toEqual(["leaf"]);
  });
});
