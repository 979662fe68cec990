/** OpenTelemetry's own instrumentation of OpenAI's SDK. */
import { OpenAIInstrumentation } from "@opentelemetry/instrumentation-openai";
import OpenAI from "openai";
import { emit } from "../support/emitter.ts";
import { askOpenAi, openAiOptions } from "../support/openai-calls.ts";

await emit(({ openaiUrl }) => {
  // Its hooks wait for a `require`; an import is patched by hand.
  const instrumentation = new OpenAIInstrumentation();
  for (const definition of instrumentation.getModuleDefinitions()) definition.patch?.({ OpenAI });
  return askOpenAi(new OpenAI(openAiOptions(openaiUrl)));
});
