/** An OTLP/HTTP receiver on loopback that answers as it is told to, and remembers what it got. */

export interface ReceivedRequest {
  /** Names of the spans, in order. */
  names: string[];
  headers: Headers;
  path: string;
}

export interface ServerAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string | ReadableStream<Uint8Array> | object;
}

export const OK: ServerAnswer = { status: 200, body: {} };

/** `hang` never answers; `reset` closes all connections without one, and the server with them. */
export type Behaviour = (request: ReceivedRequest) => ServerAnswer | "hang" | "reset";

export interface OtlpServer {
  url: string;
  requests: ReceivedRequest[];
  /** Names of the spans in requests that were answered with success. */
  accepted: string[];
  behave(behaviour: Behaviour): void;
  isUp(): boolean;
  close(): Promise<void>;
}

interface JsonRequest {
  resourceSpans?: { scopeSpans: { spans: { name: string }[] }[] }[];
}

function spanNames(body: Uint8Array): string[] {
  const text = new TextDecoder().decode(body);
  const { resourceSpans = [] } = (text === "" ? {} : JSON.parse(text)) as JsonRequest;
  return resourceSpans.flatMap((r) =>
    r.scopeSpans.flatMap((s) => s.spans.map((span) => span.name)),
  );
}

/** Speaks http/json only, so that tests can read what arrives. */
export function startOtlpServer(port = 0): OtlpServer {
  let behaviour: Behaviour = () => OK;
  let isUp = true;
  const stop = (self: { stop(force: boolean): Promise<void> }): Promise<void> => {
    isUp = false;
    return self.stop(true);
  };
  const requests: ReceivedRequest[] = [];
  const accepted: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    idleTimeout: 0,
    async fetch(request, self) {
      const bytes = new Uint8Array(await request.arrayBuffer());
      const isGzip = request.headers.get("content-encoding") === "gzip";
      const names = spanNames(isGzip ? Bun.gunzipSync(bytes) : bytes);
      const received = { names, headers: request.headers, path: new URL(request.url).pathname };
      requests.push(received);
      const answer = behaviour(received);
      if (answer === "hang") return new Promise<Response>(() => undefined);
      if (answer === "reset") {
        void stop(self);
        return new Response();
      }
      const { status, headers = {}, body = "" } = answer;
      if (status < 300) accepted.push(...names);
      return typeof body === "string" || body instanceof ReadableStream
        ? new Response(body, { status, headers })
        : Response.json(body, { status, headers });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    accepted,
    behave: (next) => {
      behaviour = next;
    },
    isUp: () => isUp,
    close: () => stop(server),
  };
}
