/** OpenInference around OpenAI's SDK. */
import { OpenAIInstrumentation } from "@arizeai/openinference-instrumentation-openai";
import OpenAI from "openai";
import { emit } from "../support/emitter.ts";
import { askOpenAi, openAiOptions } from "../support/openai-calls.ts";

await emit(({ openaiUrl }) => {
  const instrumentation = new OpenAIInstrumentation({
    traceConfig: { hideInputs: true, hideOutputs: true },
  });
  instrumentation.manuallyInstrument({ OpenAI } as unknown as typeof OpenAI);
  return askOpenAi(new OpenAI(openAiOptions(openaiUrl)));
});
