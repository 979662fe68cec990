/** The same three calls for every instrumentation of OpenAI's SDK: chat whole and streamed, and a response. */
import type OpenAI from "openai";

/** Its price is known to the tests. */
export const OPENAI_MODEL = "gpt-4o";

export async function askOpenAi(client: OpenAI): Promise<void> {
  const messages = [{ role: "user" as const, content: "Weather in Paris?" }];
  await client.chat.completions.create({ model: OPENAI_MODEL, messages });
  const stream = await client.chat.completions.create({
    model: OPENAI_MODEL,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const _chunk of stream) {
    // Read to its end: an instrumentation ends its span there.
  }
  await client.responses.create({ model: OPENAI_MODEL, input: "Weather in Paris?" });
}

export const openAiOptions = (baseURL: string) => ({
  baseURL,
  apiKey: "sk-dummy",
  maxRetries: 0,
});
