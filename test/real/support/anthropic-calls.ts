/** The same two calls for every instrumentation of the Anthropic SDK: one whole, one streamed. */
import type Anthropic from "@anthropic-ai/sdk";
import { EMITTER_MODEL } from "./emitter.ts";

const TOOLS: Anthropic.Tool[] = [
  {
    name: "get_weather",
    description: "The weather of a city.",
    input_schema: { type: "object", properties: { city: { type: "string" } } },
  },
];

export const anthropicOptions = (baseURL: string) => ({
  baseURL,
  apiKey: "sk-ant-dummy",
  maxRetries: 0,
});

export async function askAnthropic(client: Pick<Anthropic, "messages">): Promise<void> {
  const request = { model: EMITTER_MODEL, max_tokens: 256, tools: TOOLS };
  const messages: Anthropic.MessageParam[] = [{ role: "user", content: "Weather in Paris?" }];
  const first = await client.messages.create({ ...request, messages });
  messages.push({ role: "assistant", content: first.content });
  const results = first.content
    .filter((block) => block.type === "tool_use")
    .map(({ id }) => ({ type: "tool_result" as const, tool_use_id: id, content: "18 °C" }));
  messages.push({ role: "user", content: results });
  const stream = await client.messages.create({ ...request, messages, stream: true });
  for await (const _event of stream) {
    // Read to its end: an instrumentation ends its span there.
  }
}
