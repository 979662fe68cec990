/** LangSmith around Anthropic's and OpenAI's SDKs, as spans of the global tracer. */
import Anthropic from "@anthropic-ai/sdk";
import { trace } from "@opentelemetry/api";
import { Client } from "langsmith";
import { initializeOTEL } from "langsmith/experimental/otel/setup";
import { traceable } from "langsmith/traceable";
import { wrapOpenAI } from "langsmith/wrappers";
import { wrapAnthropic } from "langsmith/wrappers/anthropic";
import OpenAI from "openai";
import { anthropicOptions, askAnthropic } from "../support/anthropic-calls.ts";
import { emit, variable } from "../support/emitter.ts";
import { askOpenAi, openAiOptions } from "../support/openai-calls.ts";

// The SDK's own spans would stand beneath LangSmith's, and count in their place.
process.env["ANTHROPIC_OPEN_TELEMETRY"] = "false";
await emit(async ({ anthropicUrl, openaiUrl }) => {
  initializeOTEL({
    globalTracerProvider: trace.getTracerProvider(),
    skipGlobalContextManagerSetup: true,
  });
  const langSmith = new Client({
    tracingMode: "otel",
    apiUrl: variable("OTEL_EXPORTER_OTLP_ENDPOINT"),
    apiKey: "dummy",
    // As with calls that take their time: a stream that begins and ends in one batch ends up on the
    // span around it.
    batchSizeLimit: 1,
  });
  const options = { client: langSmith, tracingEnabled: true };
  const anthropic = wrapAnthropic(new Anthropic(anthropicOptions(anthropicUrl)), options);
  const openai = wrapOpenAI(new OpenAI(openAiOptions(openaiUrl)), options);
  const chain = { ...options, run_type: "chain" };
  await traceable(() => askAnthropic(anthropic), { ...chain, name: "forecast" })();
  await traceable(() => askOpenAi(openai), { ...chain, name: "small talk" })();
  await langSmith.awaitPendingTraceBatches();
});
