/** Vercel's AI SDK 5: text with a tool, whole and streamed. */
import { createAnthropic } from "ai-anthropic-v5";
import { generateText, stepCountIs, streamText, tool } from "ai-v5";
import { z } from "zod";
import { EMITTER_MODEL, emit } from "../support/emitter.ts";

await emit(async ({ anthropicUrl }) => {
  const anthropic = createAnthropic({ baseURL: `${anthropicUrl}/v1`, apiKey: "sk-ant-dummy" });
  const request = {
    model: anthropic(EMITTER_MODEL),
    prompt: "Weather in Paris?",
    maxRetries: 0,
    experimental_telemetry: { isEnabled: true, functionId: "forecast" },
    stopWhen: stepCountIs(3),
    tools: {
      get_weather: tool({
        description: "The weather of a city.",
        inputSchema: z.object({ city: z.string() }),
        execute: async ({ city }) => ({ city, celsius: 18 }),
      }),
    },
  };
  await generateText(request);
  await streamText(request).consumeStream();
});
