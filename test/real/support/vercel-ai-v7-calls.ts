/** Text with a tool, whole and streamed, for either telemetry integration of Vercel's AI SDK 7. */
import { createAnthropic } from "ai-anthropic-v7";
import {
  generateText,
  type LanguageModel,
  registerTelemetry,
  stepCountIs,
  streamText,
  tool,
} from "ai-v7";
import { z } from "zod";
import { EMITTER_MODEL } from "./emitter.ts";

export function anthropicModel(anthropicUrl: string): LanguageModel {
  const options = { baseURL: `${anthropicUrl}/v1`, apiKey: "sk-ant-dummy" };
  return createAnthropic(options)(EMITTER_MODEL);
}

export async function askVercelAi7(
  model: LanguageModel,
  integration: Parameters<typeof registerTelemetry>[0],
): Promise<void> {
  registerTelemetry(integration);
  const request = {
    model,
    prompt: "Weather in Paris?",
    maxRetries: 0,
    telemetry: { isEnabled: true, functionId: "forecast" },
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
}
