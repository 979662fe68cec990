/** Vercel's AI SDK 7 on Gemini, which thinks: text with a tool, whole and streamed. */
import { OpenTelemetry } from "@ai-sdk/otel";
import { createGoogle } from "ai-google-v7";
import { emit, GEMINI_MODEL } from "../support/emitter.ts";
import { askVercelAi7 } from "../support/vercel-ai-v7-calls.ts";

await emit(({ geminiUrl }) => {
  const google = createGoogle({ baseURL: `${geminiUrl}/v1beta`, apiKey: "dummy" });
  return askVercelAi7(google(GEMINI_MODEL), new OpenTelemetry());
});
