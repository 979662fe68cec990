/** OpenLLMetry around OpenAI's SDK. */
import { OpenAIInstrumentation } from "@traceloop/instrumentation-openai";
import OpenAI from "openai";
import { emit } from "../support/emitter.ts";
import { askOpenAi, openAiOptions } from "../support/openai-calls.ts";

await emit(({ openaiUrl }) => {
  const instrumentation = new OpenAIInstrumentation({ traceContent: false });
  instrumentation.manuallyInstrument(
    OpenAI as unknown as Parameters<OpenAIInstrumentation["manuallyInstrument"]>[0],
  );
  return askOpenAi(new OpenAI(openAiOptions(openaiUrl)));
});
