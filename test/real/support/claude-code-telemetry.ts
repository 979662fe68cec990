/** Claude Code's own spans (beta): where they go, and how they come into a ledger. */
import { join } from "node:path";
import { query } from "@anthropic-ai/claude-agent-sdk";
import type { SpanStatusCode } from "@opentelemetry/api";
import { SqliteSpanExporter } from "../../../src/index.ts";
import { readableSpan } from "../../support/readable-span.ts";
import { readLedgerFile } from "./ledger-file.ts";
import { startMessagesApi } from "./messages-api.ts";
import { type PlainSpan, startOtlpReceiver } from "./otlp-receiver.ts";
import { type EmittedRun, FIVE_MINUTES } from "./run-emitter.ts";
import { SCENARIOS } from "./scenarios.ts";
import { agent, bash, call, say } from "./script.ts";

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

/** Writes spans that came over OTLP into the ledger at `dbPath`, beside what is there. */
export async function store(dbPath: string, spans: readonly PlainSpan[]): Promise<void> {
  const exporter = new SqliteSpanExporter({ dbPath });
  const readable = spans.map((span) => {
    const parent = span.parentSpanId;
    const context = { traceId: span.traceId, traceFlags: 1 };
    return {
      ...readableSpan({
        name: span.name,
        kind: span.kind,
        startTime: span.startTime,
        endTime: span.endTime,
        duration: [span.endTime[0] - span.startTime[0], span.endTime[1] - span.startTime[1]],
        status: { code: span.statusCode as SpanStatusCode },
        attributes: span.attributes as Record<string, string>,
        instrumentationScope: span.scope,
        ...(parent ? { parentSpanContext: { ...context, spanId: parent } } : {}),
      }),
      spanContext: () => ({ ...context, spanId: span.spanId }),
    };
  });
  await new Promise<void>((resolve, reject) => {
    exporter.export(readable, ({ error }) => (error ? reject(error) : resolve()));
  });
  await exporter.shutdown();
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
  await store(dbPath, otlp.spans);
  return { spans: otlp.spans, served: api.served, file: readLedgerFile(dbPath) };
}
