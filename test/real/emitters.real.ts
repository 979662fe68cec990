/**
 * Other instrumentations in the same ledger: each call once, with the tokens that the API served. Codex
 * needs CODEX, the path of its binary.
 */
import { describe, expect, test } from "bun:test";
import { runCodex } from "./support/codex.ts";
import {
  CODEX,
  EMITTERS,
  type Emitter,
  GEMINI_CLI,
  OPENLLMETRY_STREAM,
} from "./support/emitters.ts";
import { runGeminiCli } from "./support/gemini-cli.ts";
import { useRunDirectories } from "./support/run-directories.ts";
import { type EmittedRun, runEmitter } from "./support/run-emitter.ts";
import { servedTotals, type Totals } from "./support/truth.ts";

const newDirectory = useRunDirectories();

/** Few emitters tell how long the cache keeps what is written, so the parts are not compared. */
function comparable({ cacheCreation5m: _5m, cacheCreation1h: _1h, ...totals }: Totals) {
  return totals;
}

function truthOf({ tellable = (calls) => calls }: Emitter, run: EmittedRun) {
  return comparable(servedTotals(tellable(run.served)));
}

function each(emitters: readonly Emitter[]): [string, Emitter][] {
  return emitters.map((emitter) => [emitter.name, emitter]);
}

describe.each(each(EMITTERS))("%s", (name, emitter) => {
  test("its tokens and their price are what was served, and OTLP gets the very same spans", async () => {
    const run = await runEmitter(name, { directory: newDirectory() });
    expect(run.served.length).toBeGreaterThan(1);
    expect(comparable(run.file.totals)).toEqual(truthOf(emitter, run));
    const stored = run.file.spans.map(({ trace_id, span_id }) => `${trace_id} ${span_id}`);
    const sent = run.spans.map(({ traceId, spanId }) => `${traceId} ${spanId}`);
    expect(stored.sort()).toEqual(sent.sort());
  });
});

describe.each(each(EMITTERS.filter(({ isApart }) => !isApart)))("%s", (name, emitter) => {
  test("within an execution its usage is the run's, and nothing is counted twice", async () => {
    const run = await runEmitter(name, { directory: newDirectory(), inExecution: true });
    const truth = truthOf(emitter, run);
    expect(comparable(run.file.totals)).toEqual(truth);
    expect(run.file.executions).toMatchObject([
      {
        agent_name: "emitter",
        input_tokens: truth.input,
        output_tokens: truth.output,
        cost_nano_usd: truth.costNanoUsd,
        cost_source: "estimated",
      },
    ]);
  });
});

test("two spans of one stream beside each other, of which one names the response, count once", async () => {
  const options = { directory: newDirectory(), inExecution: true };
  const run = await runEmitter(OPENLLMETRY_STREAM.name, options);
  const calls = run.spans.filter(({ attributes }) => "gen_ai.usage.input_tokens" in attributes);
  expect(calls.map(({ attributes }) => "gen_ai.response.id" in attributes).sort()).toEqual([
    false,
    true,
  ]);
  expect(new Set(calls.map(({ parentSpanId }) => parentSpanId)).size).toBe(1);
  expect(comparable(run.file.totals)).toEqual(comparable(servedTotals(run.served)));
});

test("two spans of one stream that are a trace each count once", async () => {
  const run = await runEmitter(OPENLLMETRY_STREAM.name, { directory: newDirectory() });
  expect(run.spans.map(({ parentSpanId }) => parentSpanId)).toEqual([null, null]);
  expect(new Set(run.spans.map(({ traceId }) => traceId)).size).toBe(2);
  expect(comparable(run.file.totals)).toEqual(comparable(servedTotals(run.served)));
});

test("Gemini CLI tells each call once, as far as its spans know what was served", async () => {
  const run = await runGeminiCli(newDirectory());
  expect(run.served.length).toBeGreaterThan(1);
  expect(comparable(run.file.totals)).toEqual(truthOf(GEMINI_CLI, run));
});

const codex = process.env["CODEX"];
test.skipIf(codex === undefined)(
  codex ? "Codex counts once, by its turn" : "Codex (skipped: CODEX does not name its binary)",
  async () => {
    const run = await runCodex(newDirectory(), codex ?? "");
    expect(run.served.length).toBeGreaterThan(1);
    expect(comparable(run.file.totals)).toEqual(truthOf(CODEX, run));
    expect(run.file.executions.length).toBe(1);
  },
);
