/** Chat completions and responses on loopback, in OpenAI's own accounting: cached input is part of the input. */
import type { ServedCall } from "./messages-api.ts";
import type { ServedUsage } from "./script.ts";

export interface OpenAiApi {
  readonly url: string;
  readonly served: readonly ServedCall[];
  stop(): Promise<void>;
}

interface Request_ {
  model: string;
  stream?: boolean;
  messages?: unknown;
}

function usageOf(n: number): ServedUsage {
  return {
    inputTokens: 1_000 + 13 * n,
    cacheReadTokens: 256 * n,
    cacheCreation5mTokens: 0,
    cacheCreation1hTokens: 0,
    outputTokens: 37 + 11 * n,
    thinkingTokens: 16 + n,
  };
}

/** The two APIs name the same counts differently. */
function wireUsage(usage: ServedUsage, [input, output]: [string, string]): object {
  const inputTokens = usage.inputTokens + usage.cacheReadTokens;
  return {
    [`${input}_tokens`]: inputTokens,
    [`${input}_tokens_details`]: { cached_tokens: usage.cacheReadTokens },
    [`${output}_tokens`]: usage.outputTokens,
    [`${output}_tokens_details`]: { reasoning_tokens: usage.thinkingTokens },
    total_tokens: inputTokens + usage.outputTokens,
  };
}

function eventStream(events: object[]): Response {
  const lines = [...events.map((event) => JSON.stringify(event)), "[DONE]"];
  return new Response(lines.map((line) => `data: ${line}\n\n`).join(""), {
    headers: { "content-type": "text/event-stream" },
  });
}

function chatCompletion(id: string, { model, stream }: Request_, usage: ServedUsage): Response {
  const wire = wireUsage(usage, ["prompt", "completion"]);
  const common = { id, created: 1_795_000_000, model };
  if (!stream) {
    const message = { role: "assistant", content: "Mild.", refusal: null };
    const choices = [{ index: 0, message, finish_reason: "stop", logprobs: null }];
    return Response.json({ ...common, object: "chat.completion", choices, usage: wire });
  }
  const chunk = (delta: object, finish_reason: string | null): object => ({
    ...common,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason }],
  });
  return eventStream([
    chunk({ role: "assistant", content: "Mild." }, null),
    chunk({}, "stop"),
    { ...common, object: "chat.completion.chunk", choices: [], usage: wire },
  ]);
}

function response(id: string, { model }: Request_, usage: ServedUsage): Response {
  const content = [{ type: "output_text", text: "Mild.", annotations: [] }];
  return Response.json({
    id,
    object: "response",
    created_at: 1_795_000_000,
    model,
    status: "completed",
    output: [{ type: "message", id: "item_1", role: "assistant", status: "completed", content }],
    usage: wireUsage(usage, ["input", "output"]),
  });
}

export function startOpenAiApi(): OpenAiApi {
  const served: ServedCall[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const body = (await request.json()) as Request_;
      const n = served.length;
      const usage = usageOf(n);
      const isChat = new URL(request.url).pathname.endsWith("/chat/completions");
      const responseId = `${isChat ? "chatcmpl" : "resp"}_${n}`;
      served.push({
        conversation: "main",
        model: body.model,
        responseId,
        usage,
        isComplete: true,
        traceparent: request.headers.get("traceparent"),
      });
      return (isChat ? chatCompletion : response)(responseId, body, usage);
    },
  });
  return { url: `http://127.0.0.1:${server.port}/v1`, served, stop: () => server.stop(true) };
}
