/** A loopback OTLP/HTTP server that keeps what it is sent. */
export interface OtlpSink extends Disposable {
  readonly url: string;
  /** Spans of the OTLP/JSON requests so far. */
  readonly spans: { name: string; traceId: string; spanId: string }[];
  readonly contentTypes: string[];
}

interface TracesRequest {
  resourceSpans: { scopeSpans: { spans: OtlpSink["spans"] }[] }[];
}

export function otlpSink(): OtlpSink {
  const spans: OtlpSink["spans"] = [];
  const contentTypes: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const type = request.headers.get("content-type") ?? "";
      contentTypes.push(type);
      if (type.includes("json")) {
        const body = (await request.json()) as TracesRequest;
        for (const resource of body.resourceSpans) {
          for (const scope of resource.scopeSpans) spans.push(...scope.spans);
        }
        return Response.json({});
      }
      await request.bytes();
      return new Response(new Uint8Array(), {
        headers: { "content-type": "application/x-protobuf" },
      });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    spans,
    contentTypes,
    [Symbol.dispose]: () => void server.stop(true),
  };
}
