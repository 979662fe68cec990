/** What the spans of a real run say: what was seen, exactly, and nothing of its content. */
import { describe, expect, test } from "bun:test";
import { type HostedRun, runInHost } from "./support/host.ts";
import type { SpanRow } from "./support/ledger-file.ts";
import { useRunDirectories } from "./support/run-directories.ts";
import { SCENARIOS, type Scenario, type ScenarioName } from "./support/scenarios.ts";
import { bash, call, say } from "./support/script.ts";
import { servedTotals } from "./support/truth.ts";

const newDirectory = useRunDirectories();

function play(name: ScenarioName): Promise<HostedRun> {
  return runInHost(SCENARIOS[name], newDirectory());
}

function spanNamed({ file }: HostedRun, name: string): SpanRow | undefined {
  return file.spans.find((span) => span.name === name);
}

const CHAT = "chat claude-sonnet-4-5";
const QUERY = "invoke_agent claude";

describe("a chat", () => {
  test("has its exact answer, its end and the time to its first token from stream events", async () => {
    const run = await play("stream events");
    const truth = servedTotals(run.served);
    expect(spanNamed(run, CHAT)?.attributes).toMatchObject({
      "gen_ai.response.id": run.served[0]?.responseId,
      "gen_ai.response.finish_reasons": ["end_turn"],
      "gen_ai.usage.input_tokens": truth.input + truth.cacheRead + truth.cacheCreation,
      "gen_ai.usage.output_tokens": truth.output,
      "gen_ai.response.time_to_first_chunk": expect.any(Number),
    });
  });

  test("without them does not invent what only they tell", async () => {
    const attributes = spanNamed(await play("simple"), CHAT)?.attributes ?? {};
    expect(attributes).toHaveProperty(["gen_ai.usage.input_tokens"]);
    expect(attributes).not.toHaveProperty(["gen_ai.usage.output_tokens"]);
    expect(attributes).not.toHaveProperty(["gen_ai.response.time_to_first_chunk"]);
  });
});

describe("what a run met on its way", () => {
  test("is an event for a request that was tried again", async () => {
    expect(spanNamed(await play("a retry"), QUERY)?.events).toMatchObject([
      { name: "spanledger.api_retry", attributes: { "error.type": "529" } },
      { name: "spanledger.model_usage" },
    ]);
  });

  test("is an event for a tool that was not allowed", async () => {
    expect(spanNamed(await play("a denied tool"), QUERY)?.events).toMatchObject([
      { name: "spanledger.permission_denied", attributes: { "gen_ai.tool.name": "Bash" } },
      { name: "spanledger.model_usage" },
    ]);
  });

  test("is the server of an MCP tool", async () => {
    const tool = spanNamed(await play("an MCP tool"), "execute_tool mcp__weather__report");
    expect(tool?.attributes["spanledger.mcp.server"]).toBe("weather");
  });

  test("is each model with its own tokens and dollars", async () => {
    const { file, served } = await play("a subagent on another model");
    for (const model of ["claude-sonnet-4-5", "claude-haiku-4-5"]) {
      const truth = servedTotals(served.filter((call) => call.model === model));
      expect(file.usage.filter((row) => row.counted && row.model === model)).toMatchObject([
        { output_tokens: truth.output, cost_nano_usd: truth.costNanoUsd, scope: "ledger" },
      ]);
    }
  });
});

test("a model is named without the size of its context", async () => {
  const { file } = await play("a context of a million tokens");
  expect(file.executions.map(({ model }) => model)).toEqual(["claude-sonnet-4-5"]);
  expect(new Set(file.usage.map(({ model }) => model))).toEqual(new Set(["claude-sonnet-4-5"]));
});

test("nothing that was asked, run or answered is in the file", async () => {
  const secret: Scenario = {
    isOrdered: true,
    script: { main: [call(bash("echo secret-command")), say("secret-answer")] },
    drive: SCENARIOS["a tool"].drive,
  };
  const { file } = await runInHost(secret, newDirectory());
  expect(JSON.stringify(file)).not.toContain("secret");
  expect(file.spans.length).toBe(5);
});
