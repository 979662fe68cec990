/** OpenInference around the Anthropic SDK, whose own spans are off. */
import Anthropic from "@anthropic-ai/sdk";
import { AnthropicInstrumentation } from "@arizeai/openinference-instrumentation-anthropic";
import { anthropicOptions, askAnthropic } from "../support/anthropic-calls.ts";
import { emit } from "../support/emitter.ts";

process.env["ANTHROPIC_OPEN_TELEMETRY"] = "false";
await emit(({ anthropicUrl }) => {
  new AnthropicInstrumentation({
    traceConfig: { hideInputs: true, hideOutputs: true },
  }).manuallyInstrument(Anthropic);
  return askAnthropic(new Anthropic(anthropicOptions(anthropicUrl)));
});
