/**
 * Runs in a process of its own for each emitter, because instrumentations patch modules for good.
 * Spans go into the ledger and, over OTLP, to whoever records them.
 */
import { startTelemetry } from "../../../src/index.ts";

/** What the emitters call; their prices are known to the tests. */
export const EMITTER_MODEL = "claude-haiku-4-5";
export const GEMINI_MODEL = "gemini-2.5-pro";

export interface Apis {
  anthropicUrl: string;
  openaiUrl: string;
  geminiUrl: string;
}

export function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`An emitter is started with ${name} set.`);
  return value;
}

/** Calls models under telemetry, inside an execution where the environment says so. */
export async function emit(callModels: (apis: Apis) => Promise<unknown>): Promise<void> {
  const telemetry = startTelemetry({
    dbPath: variable("EMITTER_DB"),
    serviceName: "emitter",
    exporters: ["sqlite", "otlp"],
  });
  const apis = {
    anthropicUrl: variable("EMITTER_ANTHROPIC_URL"),
    openaiUrl: variable("EMITTER_OPENAI_URL"),
    geminiUrl: variable("EMITTER_GEMINI_URL"),
  };
  const isExecution = process.env["EMITTER_EXECUTION"] === "1";
  if (isExecution) {
    await telemetry.traceExecution({ name: "emitter" }, () => callModels(apis));
  } else {
    await callModels(apis);
  }
  await telemetry.flush();
  await telemetry.shutdown();
}
