/**
 * A Messages API on loopback that plays a script and remembers what it served: the truth that the
 * database is held against. Numbers differ from call to call, so that no two errors cancel out.
 */
import { eventStream, wireContent, wireUsage } from "./event-stream.ts";
import { type Reply, type Script, type ServedUsage, stopReasonOf } from "./script.ts";

/**
 * One answered request. `usage` is what was said on the wire: null where the answer was an error
 * without a message, and one output token, the placeholder, where the stream never came to its end.
 */
export interface ServedCall {
  conversation: string;
  model: string;
  responseId: string;
  usage: ServedUsage | null;
  /** False where the stream broke off, or the client did. */
  isComplete: boolean;
  traceparent: string | null;
}

export interface MessagesApi {
  readonly url: string;
  readonly served: readonly ServedCall[];
  /** Resolves when the next request has been read, and its first event sent. */
  nextRequest(): Promise<void>;
  stop(): Promise<void>;
}

interface MessagesRequest {
  model: string;
  stream?: boolean;
  messages: { role: string; content: unknown }[];
}

/** `[[name]]` in a conversation's first message chooses its part of the script. */
function conversationOf(request: MessagesRequest): string {
  return /\[\[(\w+)\]\]/.exec(JSON.stringify(request.messages[0]))?.[1] ?? "main";
}

/** Usage of the nth call: what is cached grows, and no number comes twice. */
function usageOf(reply: Reply, n: number): ServedUsage {
  return {
    inputTokens: 11 + n,
    cacheReadTokens: n === 0 ? 0 : 2_000 + 101 * n,
    cacheCreation5mTokens: 1_024 + 3 * n,
    cacheCreation1hTokens: 307 + 5 * n,
    outputTokens: 23 + 7 * n,
    thinkingTokens: "thinking" in reply && reply.thinking ? 5 + n : 0,
    ...("usage" in reply ? reply.usage : {}),
  };
}

function errorResponse(status: number, requestId: string): Response {
  const types: Record<number, string> = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    529: "overloaded_error",
  };
  const error = { type: types[status] ?? "api_error", message: `scripted ${status}` };
  return Response.json(
    { type: "error", error, request_id: requestId },
    { status, headers: { "request-id": requestId, "retry-after": "0" } },
  );
}

export function startMessagesApi(script: Script): MessagesApi {
  const served: ServedCall[] = [];
  const replied = new Map<string, number>();
  const waiting: (() => void)[] = [];

  const next = (conversation: string): Reply => {
    const replies = script[conversation];
    if (!replies?.length) throw new Error(`The script has no conversation ${conversation}.`);
    const position = replied.get(conversation) ?? 0;
    replied.set(conversation, position + 1);
    const reply = replies[Math.min(position, replies.length - 1)];
    if (!reply) throw new Error("unreachable: a script's list is not empty");
    return reply;
  };

  const answer = async (request: Request): Promise<Response> => {
    const body = (await request.json()) as MessagesRequest;
    const conversation = conversationOf(body);
    const reply = next(conversation);
    const n = served.length;
    const responseId = `msg_${conversation}_${n}`;
    const requestId = `req_${conversation}_${n}`;
    const traceparent = request.headers.get("traceparent");
    const call: ServedCall = {
      conversation,
      model: body.model,
      responseId,
      usage: null,
      isComplete: false,
      traceparent,
    };
    served.push(call);
    for (const resolve of waiting.splice(0)) resolve();
    if ("status" in reply) return errorResponse(reply.status, requestId);
    const usage = usageOf(reply, n);
    call.usage = { ...usage, outputTokens: 1, thinkingTokens: 0 };
    const message = { responseId, model: body.model, reply, usage };
    const headers = { "request-id": requestId };
    if (body.stream) {
      const stream = eventStream(message, () => {
        call.usage = usage;
        call.isComplete = true;
      });
      return new Response(stream, { headers: { ...headers, "content-type": "text/event-stream" } });
    }
    call.usage = usage;
    call.isComplete = true;
    return Response.json(
      {
        id: responseId,
        type: "message",
        role: "assistant",
        model: body.model,
        content: wireContent(responseId, reply.content),
        stop_reason: stopReasonOf(reply),
        stop_sequence: null,
        usage: wireUsage(usage, usage.outputTokens),
      },
      { headers },
    );
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.endsWith("/count_tokens")) return Response.json({ input_tokens: 10 });
      if (pathname.endsWith("/messages")) return answer(request);
      return new Response(null, { status: request.method === "HEAD" ? 200 : 404 });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    served,
    nextRequest: () => new Promise((resolve) => waiting.push(resolve)),
    stop: () => server.stop(true),
  };
}
