/** Plays an emitter against the stubs, and hands back what it emitted, what was stored and the truth. */
import { join } from "node:path";
import { startGeminiApi } from "./gemini-api.ts";
import { type LedgerFile, readLedgerFile } from "./ledger-file.ts";
import { type ServedCall, startMessagesApi } from "./messages-api.ts";
import { startOpenAiApi } from "./openai-api.ts";
import { type PlainSpan, startOtlpReceiver } from "./otlp-receiver.ts";
import { call, type MessageReply, say } from "./script.ts";

export interface EmittedRun {
  /** As OTLP handed them on. */
  spans: readonly PlainSpan[];
  served: readonly ServedCall[];
  file: LedgerFile;
}

/** Most emitters do not tell the two kinds of cache writes apart, so one kind is served. */
export const FIVE_MINUTES = { usage: { cacheCreation1hTokens: 0 } };
const ASK_WEATHER: MessageReply = {
  ...call({ name: "get_weather", input: { city: "Paris" } }),
  ...FIVE_MINUTES,
};
const TELL_WEATHER: MessageReply = say("Mild.", FIVE_MINUTES);
const WEATHER_TWICE = [ASK_WEATHER, TELL_WEATHER, ASK_WEATHER, TELL_WEATHER];

export interface EmitterOptions {
  directory: string;
  /** Whether the calls are made within an execution. @default false */
  inExecution?: boolean;
}

/** Runs `emitters/{name}.ts` to its end. */
export async function runEmitter(
  name: string,
  { directory, inExecution = false }: EmitterOptions,
): Promise<EmittedRun> {
  const api = startMessagesApi({ main: WEATHER_TWICE });
  const openai = startOpenAiApi();
  const gemini = startGeminiApi();
  const otlp = startOtlpReceiver();
  const dbPath = join(directory, "telemetry.db");
  const emitter = Bun.spawn(
    [process.execPath, join(import.meta.dir, "..", "emitters", `${name}.ts`)],
    {
      env: {
        PATH: process.env["PATH"],
        HOME: directory,
        TMPDIR: directory,
        EMITTER_DB: dbPath,
        EMITTER_ANTHROPIC_URL: api.url,
        EMITTER_OPENAI_URL: openai.url,
        EMITTER_GEMINI_URL: gemini.url,
        EMITTER_EXECUTION: inExecution ? "1" : "0",
        OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      },
      stdout: "inherit",
      stderr: "inherit",
    },
  );
  const exitCode = await emitter.exited;
  await api.stop();
  await openai.stop();
  await gemini.stop();
  await otlp.stop();
  if (exitCode !== 0) throw new Error(`The emitter ${name} ended with ${exitCode}.`);
  return {
    spans: otlp.spans,
    served: [...api.served, ...openai.served, ...gemini.served],
    file: readLedgerFile(dbPath),
  };
}
