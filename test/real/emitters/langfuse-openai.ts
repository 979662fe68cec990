/** Langfuse around OpenAI's SDK. */
import { observeOpenAI } from "@langfuse/openai";
import OpenAI from "openai";
import { emit } from "../support/emitter.ts";
import { askOpenAi, openAiOptions } from "../support/openai-calls.ts";

await emit(async ({ openaiUrl }) => {
  await askOpenAi(observeOpenAI(new OpenAI(openAiOptions(openaiUrl))));
});
