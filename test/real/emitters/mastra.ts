/**
 * Mastra's agent, whole and streamed. Its spans come by its own pipeline, never from a tracer: here
 * into the ledger's exporter, and over OTLP.
 */
import { Agent } from "@mastra/core/agent";
import { Mastra } from "@mastra/core/mastra";
import { createTool } from "@mastra/core/tools";
import { Observability } from "@mastra/observability";
import { OtelExporter } from "@mastra/otel-exporter";
import { createAnthropic } from "ai-anthropic-v6";
import { z } from "zod";
import { SqliteSpanExporter } from "../../../src/index.ts";
import { EMITTER_MODEL, variable } from "../support/emitter.ts";

const anthropic = createAnthropic({
  baseURL: `${variable("EMITTER_ANTHROPIC_URL")}/v1`,
  apiKey: "sk-ant-dummy",
});
const forecaster = new Agent({
  id: "forecaster",
  name: "forecaster",
  instructions: "You tell the weather.",
  model: anthropic(EMITTER_MODEL),
  tools: {
    get_weather: createTool({
      id: "get_weather",
      description: "The weather of a city.",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => ({ city, celsius: 18 }),
    }),
  },
});
const endpoint = `${variable("OTEL_EXPORTER_OTLP_ENDPOINT")}/v1/traces`;
const provider = { custom: { endpoint, protocol: "http/json" as const } };
const exporter = new SqliteSpanExporter({ dbPath: variable("EMITTER_DB") });
const exporters = [new OtelExporter({ exporter, provider }), new OtelExporter({ provider })];
const mastra = new Mastra({
  agents: { forecaster },
  logger: false,
  observability: new Observability({ configs: { otel: { serviceName: "emitter", exporters } } }),
});

const agent = mastra.getAgent("forecaster");
await agent.generate("Weather in Paris?");
await (await agent.stream("Weather in Paris?")).consumeStream();
await mastra.shutdown();
await exporter.shutdown();
