/**
 * Zero code: `bun --preload spanledger/register app.ts` starts telemetry from the environment, and
 * whoever imports the Claude Agent SDK gets its `query` instrumented. For hosts that do not call
 * `startTelemetry` themselves. What is still queued when the process ends is written by the exit drain.
 */
import { plugin } from "bun";
import { agentSdkFacade } from "./otel/agent-sdk/facade.ts";
import { startTelemetry, type Telemetry } from "./telemetry.ts";

const telemetry: Telemetry = startTelemetry();

/** Called by the facade. */
export const instrumentQuery: Telemetry["instrumentQuery"] = telemetry.instrumentQuery;

plugin({
  name: "spanledger",
  setup(build) {
    build.onLoad(
      { filter: /[\\/]@anthropic-ai[\\/]claude-agent-sdk[\\/](?:sdk|core)\.mjs$/ },
      ({ path }) => ({
        loader: "js",
        contents: agentSdkFacade(path, import.meta.path),
      }),
    );
  },
});
