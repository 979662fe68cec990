/** OpenInference around the Claude Agent SDK: the main loop's tokens beside the session's cost. */

import * as sdk from "@anthropic-ai/claude-agent-sdk";
import { ClaudeAgentSDKInstrumentation } from "@arizeai/openinference-instrumentation-claude-agent-sdk";
import { claudeOptions } from "../support/claude.ts";
import { emit } from "../support/emitter.ts";

await emit(async ({ anthropicUrl }) => {
  const instrumentation = new ClaudeAgentSDKInstrumentation({
    traceConfig: { hideInputs: true, hideOutputs: true },
  });
  const { query } = instrumentation.manuallyInstrument(sdk);
  const home = process.env["HOME"] ?? "";
  const options = claudeOptions(anthropicUrl, home, { allowedTools: ["Bash"] });
  for await (const _message of query({ prompt: "Weather in Paris?", options })) {
    // Read to its end.
  }
});
