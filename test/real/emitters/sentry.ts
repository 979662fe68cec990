/**
 * Sentry around Anthropic's and OpenAI's SDKs, in a host that owns its OpenTelemetry: as spans of the
 * global tracer. From version 11 on it has a tracer of its own, whose spans no OpenTelemetry sees.
 */
import Anthropic from "@anthropic-ai/sdk";
import { instrumentAnthropicAiClient, instrumentOpenAiClient } from "@sentry/core";
import { init } from "@sentry/node-core";
import OpenAI from "openai";
import { anthropicOptions, askAnthropic } from "../support/anthropic-calls.ts";
import { emit, variable } from "../support/emitter.ts";
import { askOpenAi, openAiOptions } from "../support/openai-calls.ts";

// The SDK's own spans would stand beneath Sentry's, and count in their place.
process.env["ANTHROPIC_OPEN_TELEMETRY"] = "false";
await emit(async ({ anthropicUrl, openaiUrl }) => {
  const dsn = new URL("/1", variable("OTEL_EXPORTER_OTLP_ENDPOINT"));
  dsn.username = "key";
  init({ dsn: dsn.href, tracesSampleRate: 1, defaultIntegrations: false });
  await askAnthropic(instrumentAnthropicAiClient(new Anthropic(anthropicOptions(anthropicUrl))));
  await askOpenAi(instrumentOpenAiClient(new OpenAI(openAiOptions(openaiUrl))));
});
