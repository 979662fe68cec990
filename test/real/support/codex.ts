/** Codex with its traces on: it answers one prompt, with a command, against the stub alone. */
import { join } from "node:path";
import { readLedgerFile } from "./ledger-file.ts";
import { startOpenAiApi } from "./openai-api.ts";
import { OPENAI_MODEL } from "./openai-calls.ts";
import { type PlainSpan, startOtlpReceiver } from "./otlp-receiver.ts";
import { runCommand } from "./run-command.ts";
import type { EmittedRun } from "./run-emitter.ts";
import { storeSpans } from "./store-spans.ts";

/** Nothing but the model's API and the traces' receiver is ever called. */
function settings(apiUrl: string, otlpUrl: string): string {
  return `
model = "${OPENAI_MODEL}"
model_provider = "stub"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
analytics.enabled = false
feedback.enabled = false
features.plugins = false

[model_providers.stub]
name = "stub"
base_url = "${apiUrl}"
wire_api = "responses"
env_key = "STUB_KEY"
request_max_retries = 0
stream_max_retries = 0

[otel]
exporter = "none"
metrics_exporter = "none"
trace_exporter = { otlp-http = { endpoint = "${otlpUrl}/v1/traces", protocol = "json" } }
`;
}

/** Of its hundreds of spans, those with usage and those around them. */
function tellingSpans(spans: readonly PlainSpan[]): PlainSpan[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const telling = new Set<PlainSpan>();
  for (const span of spans) {
    if (!Object.keys(span.attributes).some((key) => key.includes("usage"))) continue;
    let around: PlainSpan | undefined = span;
    while (around !== undefined && !telling.has(around)) {
      telling.add(around);
      around = byId.get(around.parentSpanId ?? "");
    }
  }
  return spans.filter((span) => telling.has(span));
}

/** `binary` is too large to be a dependency. What is handed back of its spans is what tells of usage. */
export async function runCodex(directory: string, binary: string): Promise<EmittedRun> {
  const api = startOpenAiApi();
  const otlp = startOtlpReceiver();
  const home = join(directory, ".codex");
  await Bun.write(join(home, "config.toml"), settings(api.url, otlp.url));
  const command = [binary, "exec", "--strict-config", "--skip-git-repo-check", "Which files?"];
  try {
    await runCommand("Codex", command, directory, { CODEX_HOME: home, STUB_KEY: "dummy" });
  } finally {
    await api.stop();
    await otlp.stop();
  }
  const dbPath = join(directory, "telemetry.db");
  await storeSpans(dbPath, otlp.spans);
  return { spans: tellingSpans(otlp.spans), served: api.served, file: readLedgerFile(dbPath) };
}
