/** OpenInference around the Claude Agent SDK: the main loop's tokens beside the session's cost. */
import { ClaudeAgentSDKInstrumentation } from "@arizeai/openinference-instrumentation-claude-agent-sdk";
import { claudeOptions } from "../support/claude.ts";
import { emit, variable } from "../support/emitter.ts";

await emit(async ({ anthropicUrl }) => {
  const instrumentation = new ClaudeAgentSDKInstrumentation({
    traceConfig: { hideInputs: true, hideOutputs: true },
  });
  // It warns of modules that were loaded before it.
  const sdk = await import("@anthropic-ai/claude-agent-sdk");
  const { query } = instrumentation.manuallyInstrument(sdk);
  const options = claudeOptions(anthropicUrl, variable("HOME"), { allowedTools: ["Bash"] });
  for await (const _message of query({ prompt: "Weather in Paris?", options })) {
    // Read to its end.
  }
});
