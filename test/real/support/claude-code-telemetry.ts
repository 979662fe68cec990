/** Claude Code's own spans (beta): where they go, and a run of which they are all there is. */
import { join } from "node:path";
import { query } from "@anthropic-ai/claude-agent-sdk";
import { readLedgerFile } from "./ledger-file.ts";
import { startMessagesApi } from "./messages-api.ts";
import { startOtlpReceiver } from "./otlp-receiver.ts";
import { type EmittedRun, FIVE_MINUTES } from "./run-emitter.ts";
import { SCENARIOS } from "./scenarios.ts";
import { agent, bash, call, say } from "./script.ts";
import { storeSpans } from "./store-spans.ts";

/** Its pipeline is its own: this is the environment of the agent's process. */
export function claudeCodeTelemetry(otlpUrl: string): Record<string, string> {
  return {
    CLAUDE_CODE_ENABLE_TELEMETRY: "1",
    CLAUDE_CODE_ENHANCED_TELEMETRY_BETA: "1",
    CLAUDE_CODE_PROPAGATE_TRACEPARENT: "1",
    OTEL_TRACES_EXPORTER: "otlp",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl,
    OTEL_BSP_SCHEDULE_DELAY: "100",
  };
}

/** A run with a subagent that nobody instruments: Claude Code's own spans are all there is. */
export async function runClaudeCode(directory: string): Promise<EmittedRun> {
  const otlp = startOtlpReceiver();
  const api = startMessagesApi({
    main: [
      { ...call(agent("helper")), ...FIVE_MINUTES },
      { ...say("Done."), ...FIVE_MINUTES },
    ],
    helper: [
      { ...call(bash("echo inner")), ...FIVE_MINUTES },
      { ...say("Helped."), ...FIVE_MINUTES },
    ],
  });
  const environment = claudeCodeTelemetry(otlp.url);
  const { error } = await SCENARIOS["a subagent"].drive({ api, directory, query, environment });
  await api.stop();
  await otlp.stop();
  if (error) throw error;
  const dbPath = join(directory, "telemetry.db");
  await storeSpans(dbPath, otlp.spans);
  return { spans: otlp.spans, served: api.served, file: readLedgerFile(dbPath) };
}
