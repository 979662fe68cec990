/** Gemini CLI with its telemetry on: it answers one prompt, with a tool, against the stub alone. */
import { join } from "node:path";
import { GEMINI_MODEL } from "./emitter.ts";
import { startGeminiApi } from "./gemini-api.ts";
import { readLedgerFile } from "./ledger-file.ts";
import { startOtlpReceiver } from "./otlp-receiver.ts";
import { runCommand } from "./run-command.ts";
import type { EmittedRun } from "./run-emitter.ts";
import { storeSpans } from "./store-spans.ts";

const CLI = join(import.meta.dir, "../node_modules/@google/gemini-cli/bundle/gemini.js");

/** Nothing but the model's API and the telemetry's receiver is ever called. */
const SETTINGS = {
  general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
  privacy: { usageStatisticsEnabled: false },
  security: { auth: { selectedType: "gemini-api-key" } },
};

export async function runGeminiCli(directory: string): Promise<EmittedRun> {
  const gemini = startGeminiApi();
  const otlp = startOtlpReceiver();
  await Bun.write(join(directory, ".gemini/settings.json"), JSON.stringify(SETTINGS));
  const command = [process.execPath, CLI, "-m", GEMINI_MODEL, "-p", "Which files are here?"];
  try {
    await runCommand("Gemini CLI", command, directory, {
      GEMINI_API_KEY: "dummy",
      GOOGLE_GEMINI_BASE_URL: gemini.url,
      GEMINI_CLI_TRUST_WORKSPACE: "true",
      GEMINI_TELEMETRY_ENABLED: "true",
      // Without it the spans have no tokens.
      GEMINI_TELEMETRY_TRACES_ENABLED: "true",
      GEMINI_TELEMETRY_LOG_PROMPTS: "false",
      GEMINI_TELEMETRY_OTLP_ENDPOINT: otlp.url,
      GEMINI_TELEMETRY_OTLP_PROTOCOL: "http",
    });
  } finally {
    await gemini.stop();
    await otlp.stop();
  }
  const dbPath = join(directory, "telemetry.db");
  await storeSpans(dbPath, otlp.spans);
  return { spans: otlp.spans, served: gemini.served, file: readLedgerFile(dbPath) };
}
