/** The agent's process and what it starts: their traces nest under the span of the query. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { claudeCodeTelemetry, runClaudeCode } from "./support/claude-code-telemetry.ts";
import { runInHost } from "./support/host.ts";
import { readLedgerFile } from "./support/ledger-file.ts";
import { startOtlpReceiver } from "./support/otlp-receiver.ts";
import { useRunDirectories } from "./support/run-directories.ts";
import { SCENARIOS, type Scenario } from "./support/scenarios.ts";
import { bash, call, say } from "./support/script.ts";
import { storeSpans } from "./support/store-spans.ts";
import { servedTotals } from "./support/truth.ts";

const newDirectory = useRunDirectories();

describe("the trace goes on", () => {
  test("in a command that the agent runs: TRACEPARENT is the query's span", async () => {
    const directory = newDirectory();
    const seen = join(directory, "traceparent");
    const scenario: Scenario = {
      ...SCENARIOS["a tool"],
      script: { main: [call(bash(`echo "$TRACEPARENT" > ${seen}`)), say("Done.")] },
    };
    const { file } = await runInHost(scenario, directory);
    const query = file.spans.find(({ name }) => name === "invoke_agent claude");
    expect(readFileSync(seen, "utf8").trim()).toBe(`00-${query?.trace_id}-${query?.span_id}-01`);
  });

  test("in the agent's own spans, beneath the query's span", async () => {
    const otlp = startOtlpReceiver();
    const directory = newDirectory();
    const environment = claudeCodeTelemetry(otlp.url);
    const { file, served } = await runInHost(SCENARIOS["a subagent"], directory, environment);
    await otlp.stop();
    const query = file.spans.find(({ name }) => name === "invoke_agent claude");
    const interaction = otlp.spans.find(({ name }) => name === "claude_code.interaction");
    expect(interaction?.parentSpanId).toBe(query?.span_id as string);
    expect(otlp.spans.every(({ traceId }) => traceId === query?.trace_id)).toBeTrue();
    const requests = otlp.spans.filter(({ name }) => name === "claude_code.llm_request");
    expect(requests.map(({ spanId }) => spanId).sort()).toEqual(
      served.map(({ traceparent }) => traceparent?.split("-")[2] as string).sort(),
    );
  });
});

describe("the agent's own spans in the same file", () => {
  test("tell each call once where they are all there is", async () => {
    const { file, served } = await runClaudeCode(newDirectory());
    const { cacheCreation5m: _5m, cacheCreation1h: _1h, ...truth } = servedTotals(served);
    expect(file.totals).toMatchObject(truth);
    expect(file.executions).toMatchObject([{ cost_nano_usd: truth.costNanoUsd }]);
  });

  test("count once with ours where the host leaves, and no account silences either", async () => {
    const otlp = startOtlpReceiver();
    const environment = claudeCodeTelemetry(otlp.url);
    const scenario = SCENARIOS["a host that stops listening"];
    const run = await runInHost(scenario, newDirectory(), environment);
    await otlp.stop();
    await storeSpans(run.dbPath, otlp.spans);
    const { usage } = readLedgerFile(run.dbPath);
    const counted = usage.filter((row) => row.counted).map((row) => row.response_id);
    expect(usage.length).toBeGreaterThan(counted.length);
    expect(counted).toContain("req_main_0");
    expect(new Set(counted).size).toBe(counted.length);
  });

  test("change nothing in what a run cost", async () => {
    const otlp = startOtlpReceiver();
    const environment = claudeCodeTelemetry(otlp.url);
    const run = await runInHost(SCENARIOS["a subagent"], newDirectory(), environment);
    await otlp.stop();
    await storeSpans(run.dbPath, otlp.spans);
    const file = readLedgerFile(run.dbPath);
    expect(file.spans.length).toBe(run.file.spans.length + otlp.spans.length);
    expect(file.totals).toEqual(servedTotals(run.served));
    expect(file.executions).toMatchObject([{ cost_nano_usd: file.totals.costNanoUsd }]);
  });
});
