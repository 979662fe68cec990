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
  input?: string | { type?: string }[];
  tools?: { name?: string }[];
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

/** Tools of the agents that call, of which each is asked for once. */
const CALLS: Readonly<Record<string, object>> = {
  exec_command: { cmd: "ls" },
  get_weather: { city: "Paris" },
};

function outputItem({ input = "", tools = [] }: Request_): object {
  const common = { id: "item_1", status: "completed" };
  const isAnswered = Array.isArray(input) && input.at(-1)?.type === "function_call_output";
  const tool = tools.find(({ name = "" }) => Object.hasOwn(CALLS, name))?.name;
  if (!isAnswered && tool !== undefined) {
    const call = { type: "function_call", call_id: "call_1", name: tool };
    return { ...common, ...call, arguments: JSON.stringify(CALLS[tool]) };
  }
  const content = [{ type: "output_text", text: "Mild.", annotations: [] }];
  return { ...common, type: "message", role: "assistant", content };
}

function response(id: string, request: Request_, usage: ServedUsage): Response {
  const item = outputItem(request);
  const common = { id, object: "response", created_at: 1_795_000_000, model: request.model };
  const whole = {
    ...common,
    status: "completed",
    output: [item],
    usage: wireUsage(usage, ["input", "output"]),
  };
  if (!request.stream) return Response.json(whole);
  return eventStream([
    { type: "response.created", response: { ...common, status: "in_progress", output: [] } },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: whole },
  ]);
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
