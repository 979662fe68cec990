/** Text with a tool, whole and streamed, for either telemetry integration of Vercel's AI SDK 7. */
import { createAnthropic } from "ai-anthropic-v7";
import { generateText, registerTelemetry, stepCountIs, streamText, tool } from "ai-v7";
import { z } from "zod";
import { EMITTER_MODEL } from "./emitter.ts";

export async function askVercelAi7(
  anthropicUrl: string,
  integration: Parameters<typeof registerTelemetry>[0],
): Promise<void> {
  registerTelemetry(integration);
  const anthropic = createAnthropic({ baseURL: `${anthropicUrl}/v1`, apiKey: "sk-ant-dummy" });
  const request = {
    model: anthropic(EMITTER_MODEL),
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
