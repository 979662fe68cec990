/** Vercel's AI SDK 7 with the integration that keeps the span names of 5 and 6. */
import { LegacyOpenTelemetry } from "@ai-sdk/otel";
import { emit } from "../support/emitter.ts";
import { anthropicModel, askVercelAi7 } from "../support/vercel-ai-v7-calls.ts";

await emit(({ anthropicUrl }) =>
  askVercelAi7(anthropicModel(anthropicUrl), new LegacyOpenTelemetry()),
);
