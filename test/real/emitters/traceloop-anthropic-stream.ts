/** OpenLLMetry around the stream helper of the Anthropic SDK, whose own spans stand beside: two spans a call. */
import * as sdk from "@anthropic-ai/sdk";
import { AnthropicInstrumentation } from "@traceloop/instrumentation-anthropic";
import { anthropicOptions } from "../support/anthropic-calls.ts";
import { EMITTER_MODEL, emit } from "../support/emitter.ts";

await emit(async ({ anthropicUrl }) => {
  // It patches text completions too, which this version of the SDK has no more.
  class Completions {
    create(): void {}
  }
  Object.assign(sdk.Anthropic, { Completions });
  // It is typed for the CommonJS half of the same package.
  const module = sdk as unknown as Parameters<AnthropicInstrumentation["manuallyInstrument"]>[0];
  new AnthropicInstrumentation({ traceContent: false }).manuallyInstrument(module);
  const client = new sdk.Anthropic(anthropicOptions(anthropicUrl));
  const messages = [{ role: "user" as const, content: "Weather in Paris?" }];
  await client.messages.stream({ model: EMITTER_MODEL, max_tokens: 256, messages }).finalMessage();
});
