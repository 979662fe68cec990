/** A real OpenTelemetry Collector (`OTELCOL` names its binary) that hands on to a sink in this process. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A span as the collector hands it on, with everything that stands around it in the request. */
export interface HandedOnSpan {
  resource: unknown;
  resourceSchemaUrl: unknown;
  scope: unknown;
  scopeSchemaUrl: unknown;
  span: { spanId: string; name: string };
}

interface HandedOnRequest {
  resourceSpans: {
    resource: unknown;
    schemaUrl?: string;
    scopeSpans: { scope: unknown; schemaUrl?: string; spans: HandedOnSpan["span"][] }[];
  }[];
}

export interface Collector {
  httpUrl: string;
  grpcUrl: string;
  /** Waits for `spans` spans, and hands them over by span id. */
  take(spans: number): Promise<Map<string, HandedOnSpan>>;
  stop(): Promise<void>;
}

function freePort(): number {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const { port = 0 } = server;
  server.stop(true);
  return port;
}

function configuration(httpPort: number, grpcPort: number, sinkPort: number): string {
  return `
receivers:
  otlp:
    protocols:
      http: { endpoint: "127.0.0.1:${httpPort}" }
      grpc: { endpoint: "127.0.0.1:${grpcPort}" }
exporters:
  otlp_http: { endpoint: "http://127.0.0.1:${sinkPort}", encoding: json, compression: none }
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    traces: { receivers: [otlp], exporters: [otlp_http] }
`;
}

async function waitFor(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await isTrue()) return;
    await Bun.sleep(20);
  }
  throw new Error(`Waited in vain for ${what}`);
}

export async function startCollector(binary: string): Promise<Collector> {
  let spans = new Map<string, HandedOnSpan>();
  const sink = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { resourceSpans } = (await request.json()) as HandedOnRequest;
      for (const { resource, schemaUrl: resourceSchemaUrl, scopeSpans } of resourceSpans) {
        for (const { scope, schemaUrl: scopeSchemaUrl, spans: handedOn } of scopeSpans) {
          for (const span of handedOn) {
            spans.set(span.spanId, { resource, resourceSchemaUrl, scope, scopeSchemaUrl, span });
          }
        }
      }
      return Response.json({});
    },
  });
  const [httpPort, grpcPort] = [freePort(), freePort()];
  const directory = mkdtempSync(join(tmpdir(), "spanledger-otelcol-"));
  const configPath = join(directory, "collector.yaml");
  writeFileSync(configPath, configuration(httpPort, grpcPort, sink.port ?? 0));
  const child = Bun.spawn([binary, "--config", configPath], { stdout: "ignore", stderr: "ignore" });
  const httpUrl = `http://127.0.0.1:${httpPort}`;
  await waitFor("the collector", () =>
    fetch(`${httpUrl}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    }).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return {
    httpUrl,
    grpcUrl: `http://127.0.0.1:${grpcPort}`,
    async take(count) {
      await waitFor(`${count} spans from the collector`, () => spans.size >= count);
      const taken = spans;
      spans = new Map();
      return taken;
    },
    async stop() {
      child.kill();
      await child.exited;
      await sink.stop(true);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
