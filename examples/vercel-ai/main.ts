/**
 * The Vercel AI SDK's own spans: with its OpenTelemetry integration registered, every call lands in the
 * file, and a price with it. The model here is the SDK's mock; put a provider's in its place.
 */
import { OpenTelemetry } from "@ai-sdk/otel";
import { generateText, registerTelemetry, stepCountIs, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { startTelemetry } from "spanledger";
import { z } from "zod";

const telemetry = startTelemetry({ serviceName: "forecaster" });
registerTelemetry(new OpenTelemetry());

const usage = (input: number, output: number) => ({
  inputTokens: { total: input, noCache: input, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: output, text: output, reasoning: 0 },
});

const model = new MockLanguageModelV4({
  provider: "openai.chat",
  modelId: "gpt-4o-2024-08-06",
  doGenerate: [
    {
      content: [
        { type: "tool-call", toolCallId: "1", toolName: "weather", input: `{"city":"Paris"}` },
      ],
      finishReason: { unified: "tool-calls", raw: "tool_calls" },
      usage: usage(90, 20),
      warnings: [],
    },
    {
      content: [{ type: "text", text: "18 °C in Paris." }],
      finishReason: { unified: "stop", raw: "stop" },
      usage: usage(130, 10),
      warnings: [],
    },
  ],
});

await telemetry.traceExecution({ name: "forecaster", eventType: "question" }, () =>
  generateText({
    model,
    prompt: "What is the weather in Paris?",
    telemetry: { isEnabled: true, functionId: "forecast" },
    stopWhen: stepCountIs(3),
    tools: {
      weather: tool({
        description: "The weather of a city.",
        inputSchema: z.object({ city: z.string() }),
        execute: async ({ city }) => ({ city, celsius: 18 }),
      }),
    },
  }),
);
await telemetry.shutdown();
