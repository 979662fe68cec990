import { describe, expect, test } from "bun:test";
import { DIALECTS, dialectOf } from "../../../src/exporter/facts/dialects.ts";
import { mayHaveFacts, readFacts } from "../../../src/exporter/facts/read-facts.ts";
import { BundledPrices } from "../../../src/exporter/prices/bundled-prices.ts";
import type { ModelUsageFacts, SpanFacts } from "../../../src/store/rows.ts";
import { settle, type TraceNode } from "../../../src/store/settle.ts";
import {
  type DialectFixture,
  dialectFixtures,
  type FixtureSpan,
  readSpanOf,
} from "../../support/dialect-fixtures.ts";

const prices = new BundledPrices();
const fixtures = dialectFixtures();

function factsOf(span: FixtureSpan): SpanFacts | null {
  return readFacts(readSpanOf(span), prices);
}

/** The usage that counts, after each trace is settled. */
function countedModels(fixture: DialectFixture): ModelUsageFacts[] {
  const traces = Map.groupBy(fixture.spans, (span) => span.traceId);
  return [...traces.values()].flatMap((spans) => {
    const nodes = spans.map((span) => nodeOf(span));
    const { counted } = settle(new Map(nodes.map((node) => [node.spanId, node])));
    return nodes
      .filter((node) => counted.has(node.spanId))
      .flatMap((node) => node.usage?.models ?? []);
  });
}

function nodeOf(span: FixtureSpan): TraceNode {
  const { spanId, parentSpanId, scope } = span;
  const { execution, usage } = factsOf(span) ?? { execution: null, usage: null };
  const scopeName = usage?.scope === "leaf" ? scope.name : null;
  return { spanId, parentSpanId, endMs: 0, durationMs: 0, scopeName, execution, usage };
}

function sum(models: ModelUsageFacts[], value: (model: ModelUsageFacts) => number | null): number {
  return models.reduce((total, model) => total + (value(model) ?? 0), 0);
}

describe.each(fixtures.map((fixture) => [fixture.name, fixture] as const))(
  "%s",
  (_name, fixture) => {
    test("each span is read for what it is", () => {
      for (const span of fixture.spans) {
        const facts = factsOf(span);
        if (span.facts === null) {
          expect(facts).toBeNull();
          continue;
        }
        const { execution, usage, model } = span.facts;
        expect(facts).toMatchObject({ execution, usage });
        if (model !== undefined) expect(facts?.usage?.models).toMatchObject([model]);
      }
    });

    test("its tokens are those that the API served", () => {
      const models = countedModels(fixture);
      expect({
        inputTokens: sum(models, (model) => model.inputTokens),
        cacheReadTokens: sum(models, (model) => model.cacheReadTokens),
        cacheCreationTokens: sum(models, (model) => model.cacheCreationTokens),
        outputTokens: sum(models, (model) => model.outputTokens),
      }).toEqual({
        inputTokens: fixture.served.inputTokens,
        cacheReadTokens: fixture.served.cacheReadTokens,
        cacheCreationTokens: fixture.served.cacheCreationTokens,
        outputTokens: fixture.served.outputTokens,
      });
    });

    test("its cost is what the API charged, reported or computed", () => {
      for (const model of countedModels(fixture)) {
        if (fixture.served.costNanoUsd === null) {
          expect(model.reportedCostNanoUsd ?? model.computedCostNanoUsd).toBeNull();
        } else if (model.reportedCostNanoUsd !== null && model.computedCostNanoUsd !== null) {
          expect(model.computedCostNanoUsd).toBe(model.reportedCostNanoUsd);
        }
      }
      const cost = sum(
        countedModels(fixture),
        (model) => model.reportedCostNanoUsd ?? model.computedCostNanoUsd,
      );
      expect(cost).toBe(fixture.served.costNanoUsd ?? 0);
    });

    test("no span with facts is skipped for its shape", () => {
      for (const span of fixture.spans) {
        if (span.facts !== null) {
          expect(mayHaveFacts(Object.keys(span.attributes), span.name)).toBe(true);
        }
      }
    });
  },
);

/** One call as each instrumentation tells it: its first span that stands for a call alone. */
const calls = fixtures.flatMap(({ name, spans }) => {
  const call = spans.map(nodeOf).find((node) => node.usage?.scope === "leaf");
  return call === undefined ? [] : [{ name, call }];
});

test("two instrumentations of one call count once, whichever is around the other", () => {
  expect(calls.length).toBeGreaterThan(20);
  for (const { name: outerName, call: outer } of calls) {
    for (const { name: innerName, call: inner } of calls) {
      const agent: TraceNode = { ...outer, spanId: "agent", parentSpanId: null, usage: null };
      const around: TraceNode = { ...outer, spanId: "around", parentSpanId: "agent" };
      const within: TraceNode = { ...inner, spanId: "within", parentSpanId: "around" };
      for (const order of [
        [agent, around, within],
        [within, around, agent],
        [around, within, agent],
      ]) {
        const { counted } = settle(new Map(order.map((node) => [node.spanId, node])));
        expect([outerName, innerName, ...counted]).toEqual([outerName, innerName, "within"]);
      }
    }
  }
});

test("two instrumentations of one call that both name its response count once side by side", () => {
  const named = calls.filter(({ call }) => call.usage?.responseId);
  expect(named.length).toBeGreaterThan(8);
  for (const { call: left } of named) {
    for (const { call: right } of named) {
      const usage = (node: TraceNode) => node.usage && { ...node.usage, responseId: "msg_1" };
      const pair: TraceNode[] = [
        { ...left, spanId: "left", parentSpanId: "agent", usage: usage(left) },
        { ...right, spanId: "right", parentSpanId: "agent", usage: usage(right) },
      ];
      const settled = (nodes: TraceNode[]) =>
        settle(new Map(nodes.map((node) => [node.spanId, node]))).counted;
      expect(settled(pair).size).toBe(1);
      expect(settled(pair.toReversed())).toEqual(settled(pair));
    }
  }
});

test.each([
  "vercel-ai-5",
  "vercel-ai-6",
  "vercel-ai-6-object",
  "langfuse",
  "langsmith",
  "openinference",
  "mastra",
])("%s on our tracer, which a host may hand to it, is read as on its own", (name) => {
  const fixture = fixtures.find((one) => one.name === name);
  const spans = fixture?.spans ?? [];
  expect(spans.length).toBeGreaterThan(1);
  for (const span of spans) {
    expect(factsOf({ ...span, scope: { name: "spanledger" } })).toEqual(factsOf(span));
  }
});

test("every dialect has a fixture", () => {
  const seen = new Set(
    fixtures.flatMap(({ spans }) => spans.map((span) => dialectOf(readSpanOf(span)).name)),
  );
  const others = DIALECTS.filter((dialect) => !dialect.isOurs);
  expect(others.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([]);
});
