/**
 * The Gemini API on loopback, in its own accounting: cached input is part of the prompt, thoughts are
 * not part of the candidates, and the total is all of it.
 */
import type { ServedCall } from "./messages-api.ts";
import type { ServedUsage } from "./script.ts";

export interface GeminiApi {
  readonly url: string;
  readonly served: readonly ServedCall[];
  stop(): Promise<void>;
}

interface Part {
  text?: string;
  functionCall?: { name: string; args: object };
  functionResponse?: object;
}

interface Request_ {
  contents: { role?: string; parts?: Part[] }[];
  tools?: { functionDeclarations?: { name: string }[] }[];
  generationConfig?: { responseMimeType?: string };
}

function usageOf(n: number): ServedUsage {
  return {
    inputTokens: 900 + 17 * n,
    cacheReadTokens: 128 * n,
    cacheCreation5mTokens: 0,
    cacheCreation1hTokens: 0,
    outputTokens: 90 + 13 * n,
    thinkingTokens: 50 + 3 * n,
  };
}

function wireUsage(usage: ServedUsage): object {
  const promptTokenCount = usage.inputTokens + usage.cacheReadTokens;
  return {
    promptTokenCount,
    candidatesTokenCount: usage.outputTokens - usage.thinkingTokens,
    totalTokenCount: promptTokenCount + usage.outputTokens,
    // The API leaves out a count of zero.
    ...(usage.cacheReadTokens > 0 ? { cachedContentTokenCount: usage.cacheReadTokens } : {}),
    promptTokensDetails: [{ modality: "TEXT", tokenCount: promptTokenCount }],
    thoughtsTokenCount: usage.thinkingTokens,
  };
}

/** Tools of the agents that call, of which each is asked for once. */
const CALLS: Readonly<Record<string, object>> = {
  get_weather: { city: "Paris" },
  list_directory: { dir_path: "." },
};

function nextPart({ contents, tools = [], generationConfig }: Request_): Part {
  if (generationConfig?.responseMimeType === "application/json") return { text: '{"celsius": 18}' };
  const isAnswered = contents.at(-1)?.parts?.some((part) => part.functionResponse !== undefined);
  const declared = tools.flatMap(({ functionDeclarations = [] }) => functionDeclarations);
  const name = declared.map((tool) => tool.name).find((tool) => Object.hasOwn(CALLS, tool));
  if (isAnswered || name === undefined) return { text: "Mild." };
  return { functionCall: { name, args: CALLS[name] ?? {} } };
}

/** As a stream brings it. */
function pieces(part: Part): [Part, Part] {
  const { text } = part;
  if (text === undefined) return [{ text: "" }, part];
  return [{ text: text.slice(0, 2) }, { text: text.slice(2) }];
}

function eventStream(chunks: object[]): Response {
  const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`);
  return new Response(events.join(""), { headers: { "content-type": "text/event-stream" } });
}

export function startGeminiApi(): GeminiApi {
  const served: ServedCall[] = [];

  const answer = async (request: Request, model: string, isStream: boolean): Promise<Response> => {
    const part = nextPart((await request.json()) as Request_);
    const n = served.length;
    const usage = usageOf(n);
    const responseId = `gemini_${n}`;
    served.push({
      conversation: "main",
      model,
      responseId,
      usage,
      isComplete: true,
      traceparent: request.headers.get("traceparent"),
    });
    const chunk = (parts: Part[], counts: ServedUsage, finishReason?: string): object => ({
      candidates: [{ content: { parts, role: "model" }, finishReason, index: 0 }],
      usageMetadata: wireUsage(counts),
      modelVersion: model,
      responseId,
    });
    if (!isStream) return Response.json(chunk([part], usage, "STOP"));
    const [first, last] = pieces(part);
    // The first chunk has counts too: the input's are whole, the output's are not.
    const begun = { ...usage, outputTokens: 3 + usage.thinkingTokens };
    return eventStream([chunk([first], begun), chunk([last], usage, "STOP")]);
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      const [, model, method] = /\/models\/([^/:]+):(\w+)$/.exec(pathname) ?? [];
      if (model === undefined) return new Response(null, { status: 404 });
      if (method === "countTokens") return Response.json({ totalTokens: 10 });
      if (method === "generateContent") return answer(request, model, false);
      if (method === "streamGenerateContent") return answer(request, model, true);
      return new Response(null, { status: 404 });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, served, stop: () => server.stop(true) };
}
