/** Vercel's AI SDK 7 with its OpenTelemetry integration. */
import { OpenTelemetry } from "@ai-sdk/otel";
import { emit } from "../support/emitter.ts";
import { anthropicModel, askVercelAi7 } from "../support/vercel-ai-v7-calls.ts";

await emit(({ anthropicUrl }) => askVercelAi7(anthropicModel(anthropicUrl), new OpenTelemetry()));
