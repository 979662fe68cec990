/** OpenLLMetry around the Anthropic SDK, whose own spans stand beneath: two spans a call. */
import * as sdk from "@anthropic-ai/sdk";
import { AnthropicInstrumentation } from "@traceloop/instrumentation-anthropic";
import { anthropicOptions, askAnthropic } from "../support/anthropic-calls.ts";
import { emit } from "../support/emitter.ts";

await emit(({ anthropicUrl }) => {
  // It patches text completions too, which this version of the SDK has no more.
  class Completions {
    create(): void {}
  }
  Object.assign(sdk.Anthropic, { Completions });
  // It is typed for the CommonJS half of the same package.
  const module = sdk as unknown as Parameters<AnthropicInstrumentation["manuallyInstrument"]>[0];
  new AnthropicInstrumentation({ traceContent: false }).manuallyInstrument(module);
  return askAnthropic(new sdk.Anthropic(anthropicOptions(anthropicUrl)));
});
