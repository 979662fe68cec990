/** Vercel's AI SDK 6 on Gemini, which thinks: text with a tool and an object, whole and streamed. */
import { createGoogleGenerativeAI } from "ai-google-v6";
import { generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai-v6";
import { z } from "zod";
import { emit, GEMINI_MODEL } from "../support/emitter.ts";

await emit(async ({ geminiUrl }) => {
  const google = createGoogleGenerativeAI({ baseURL: `${geminiUrl}/v1beta`, apiKey: "dummy" });
  const request = {
    model: google(GEMINI_MODEL),
    prompt: "Weather in Paris?",
    maxRetries: 0,
    experimental_telemetry: { isEnabled: true, functionId: "forecast" },
  };
  const withTool = {
    ...request,
    stopWhen: stepCountIs(3),
    tools: {
      get_weather: tool({
        description: "The weather of a city.",
        inputSchema: z.object({ city: z.string() }),
        execute: async ({ city }) => ({ city, celsius: 18 }),
      }),
    },
  };
  const schema = z.object({ celsius: z.number() });
  await generateText(withTool);
  await streamText(withTool).consumeStream();
  await generateObject({ ...request, schema });
  for await (const _part of streamObject({ ...request, schema }).partialObjectStream) {
    // Read to its end, where its spans end.
  }
});
