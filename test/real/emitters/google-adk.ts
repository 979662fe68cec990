/** Google's Agent Development Kit: an agent with a tool, whole and streamed. */
import { z } from "zod";
import { emit, GEMINI_MODEL } from "../support/emitter.ts";

await emit(async ({ geminiUrl }) => {
  // It takes its tracer when it is loaded, from a copy of the API that is not this repository's: too
  // early, the tracer would be one for nobody.
  const { FunctionTool, InMemoryRunner, LlmAgent, LogLevel, setLogLevel, StreamingMode } =
    await import("@google/adk");
  setLogLevel(LogLevel.ERROR);
  process.env["GOOGLE_GEMINI_BASE_URL"] = geminiUrl;
  process.env["GOOGLE_API_KEY"] = "dummy";
  const agent = new LlmAgent({
    name: "forecaster",
    model: GEMINI_MODEL,
    instruction: "You tell the weather.",
    tools: [
      new FunctionTool({
        name: "get_weather",
        description: "The weather of a city.",
        parameters: z.object({ city: z.string() }),
        execute: ({ city }) => ({ city, celsius: 18 }),
      }),
    ],
  });
  const runner = new InMemoryRunner({ agent, appName: "weather" });
  const newMessage = { role: "user", parts: [{ text: "Weather in Paris?" }] };
  for (const streamingMode of [StreamingMode.NONE, StreamingMode.SSE]) {
    const run = runner.runEphemeral({ userId: "user", newMessage, runConfig: { streamingMode } });
    for await (const _event of run) {
      // Read to its end, where the agent's span ends.
    }
  }
});
