/** OpenTelemetry's own instrumentation of OpenAI's SDK. */
import { metrics } from "@opentelemetry/api";
import { OpenAIInstrumentation } from "@opentelemetry/instrumentation-openai";
import OpenAI from "openai";
import { emit } from "../support/emitter.ts";
import { askOpenAi, openAiOptions } from "../support/openai-calls.ts";

await emit(({ openaiUrl }) => {
  const instrumentation = new OpenAIInstrumentation();
  // Without a provider it trips over the instruments that it never made.
  instrumentation.setMeterProvider(metrics.getMeterProvider());
  // Its hooks wait for a `require`; what is imported is patched by hand.
  for (const definition of instrumentation.getModuleDefinitions()) definition.patch?.({ OpenAI });
  return askOpenAi(new OpenAI(openAiOptions(openaiUrl)));
});
