/** OpenInference for OpenAI's Agents SDK, which has traces of its own and no OpenTelemetry. */
import { OpenAIAgentsInstrumentation } from "@arizeai/openinference-instrumentation-openai-agents";
import * as agents from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";
import { emit } from "../support/emitter.ts";
import { OPENAI_MODEL, openAiOptions } from "../support/openai-calls.ts";

await emit(async ({ openaiUrl }) => {
  const instrumentation = new OpenAIAgentsInstrumentation({
    traceConfig: { hideInputs: true, hideOutputs: true },
  });
  instrumentation.manuallyInstrument(agents);
  // It brings a newer version of the client, of which it uses what both have.
  agents.setDefaultOpenAIClient(
    new OpenAI(openAiOptions(openaiUrl)) as unknown as Parameters<
      typeof agents.setDefaultOpenAIClient
    >[0],
  );
  const agent = new agents.Agent({
    name: "forecaster",
    model: OPENAI_MODEL,
    instructions: "You tell the weather.",
    tools: [
      agents.tool({
        name: "get_weather",
        description: "The weather of a city.",
        parameters: z.object({ city: z.string() }),
        execute: async ({ city }) => `18 °C in ${city}`,
      }),
    ],
  });
  for (const api of ["responses", "chat_completions"] as const) {
    agents.setOpenAIAPI(api);
    await agents.run(agent, "Weather in Paris?");
    const run = await agents.run(agent, "Weather in Paris?", { stream: true });
    await run.completed;
  }
  await agents.getGlobalTraceProvider().forceFlush();
});
