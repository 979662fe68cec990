/**
 * A real OpenTelemetry Collector (`OTELCOL` names its binary) that hands on to a sink in this process, and
 * answers once it has.
 */
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

/** Where collectors hand spans on to; it outlives them. */
export interface Sink {
  port: number;
  /** What it answers: 200 at first; nothing is kept with another one. */
  status: number;
  /** Waits for `count` spans, and hands them over by span id. */
  take(count: number): Promise<Map<string, HandedOnSpan>>;
  close(): Promise<void>;
}

export interface Ports {
  http: number;
  grpc: number;
}

export interface Collector {
  httpUrl: string;
  grpcUrl: string;
  /** At once, as `kill -9` does. */
  kill(): Promise<void>;
}

function freePort(): number {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const { port = 0 } = server;
  server.stop(true);
  return port;
}

export function freePorts(): Ports {
  return { http: freePort(), grpc: freePort() };
}

function configuration(ports: Ports, sinkPort: number): string {
  return `
receivers:
  otlp:
    protocols:
      http: { endpoint: "127.0.0.1:${ports.http}" }
      grpc: { endpoint: "127.0.0.1:${ports.grpc}" }
exporters:
  otlp_http:
    endpoint: "http://127.0.0.1:${sinkPort}"
    encoding: json
    compression: none
    sending_queue: { enabled: false }
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

export function startSink(): Sink {
  let spans = new Map<string, HandedOnSpan>();
  const keep = ({ resourceSpans }: HandedOnRequest): void => {
    for (const { resource, schemaUrl: resourceSchemaUrl, scopeSpans } of resourceSpans) {
      for (const { scope, schemaUrl: scopeSchemaUrl, spans: handedOn } of scopeSpans) {
        for (const span of handedOn) {
          spans.set(span.spanId, { resource, resourceSchemaUrl, scope, scopeSchemaUrl, span });
        }
      }
    }
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const handedOn = (await request.json()) as HandedOnRequest;
      if (sink.status === 200) keep(handedOn);
      return Response.json({}, { status: sink.status });
    },
  });
  const sink: Sink = {
    port: server.port ?? 0,
    status: 200,
    async take(count) {
      await waitFor(`${count} spans from the collector`, () => spans.size >= count);
      const taken = spans;
      spans = new Map();
      return taken;
    },
    close: () => server.stop(true),
  };
  return sink;
}

export async function startCollector(
  binary: string,
  sink: Sink,
  ports: Ports = freePorts(),
): Promise<Collector> {
  const directory = mkdtempSync(join(tmpdir(), "spanledger-otelcol-"));
  const configPath = join(directory, "collector.yaml");
  writeFileSync(configPath, configuration(ports, sink.port));
  const child = Bun.spawn([binary, "--config", configPath], { stdout: "ignore", stderr: "ignore" });
  const httpUrl = `http://127.0.0.1:${ports.http}`;
  const empty = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
  await waitFor("the collector", () =>
    fetch(`${httpUrl}/v1/traces`, empty).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return {
    httpUrl,
    grpcUrl: `http://127.0.0.1:${ports.grpc}`,
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
