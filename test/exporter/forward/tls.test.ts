/** The certificates of the environment, live and forwarded. */
import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { ServerCredentials } from "@grpc/grpc-js";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { GrpcDestination } from "../../../src/exporter/forward/grpc-destination.ts";
import { HttpDestination } from "../../../src/exporter/forward/http-destination.ts";
import { otlpExporter } from "../../../src/exporter/otlp.ts";
import { ReplayedSpanReader } from "../../../src/exporter/replayed-span.ts";
import { type Certificate, hasOpenssl, makeCertificate } from "../../support/certificate.ts";
import { type GrpcServer, startGrpcServer } from "../../support/grpc-server.ts";
import { spanRow } from "../../support/span-rows.ts";
import { useTempDir } from "../../support/temp-dir.ts";

const tempDir = useTempDir();
const spans: ReadableSpan[] = [new ReplayedSpanReader().span(spanRow({ name: "work" }))];
const variables: string[] = [];
const running: { close(): void }[] = [];
afterEach(() => {
  for (const name of variables.splice(0)) delete process.env[name];
  for (const server of running.splice(0)) server.close();
});

function setVariables(values: Record<string, string>): void {
  for (const [name, value] of Object.entries(values)) {
    variables.push(name);
    process.env[name] = value;
  }
}

/** Takes spans from clients that have the certificate's key alone. */
async function startHttps({ key, certificate }: Certificate): Promise<string> {
  const options = { key, cert: certificate, ca: certificate, requestCert: true };
  const server: Server = createServer(options, (request, response) => {
    request.resume();
    response.end("{}");
  });
  running.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

async function startGrpcs({ key, certificate }: Certificate): Promise<string> {
  const bytes = Buffer.from(certificate);
  const pair = { private_key: Buffer.from(key), cert_chain: bytes };
  const server: GrpcServer = await startGrpcServer(
    ServerCredentials.createSsl(bytes, [pair], true),
  );
  running.push(server);
  return server.url.replace("http://127.0.0.1", "https://localhost");
}

function own({ certificatePath, keyPath }: Certificate): Record<string, string> {
  return {
    OTEL_EXPORTER_OTLP_CERTIFICATE: certificatePath,
    OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: certificatePath,
    OTEL_EXPORTER_OTLP_CLIENT_KEY: keyPath,
  };
}

describe.skipIf(!hasOpenssl)(hasOpenssl ? "TLS" : "TLS (skipped: there is no openssl)", () => {
  test.each(["http/protobuf", "grpc"] as const)(
    "over %s takes the certificates of the environment, live and forwarded",
    async (protocol) => {
      const certificate = makeCertificate(tempDir());
      const start = protocol === "grpc" ? startGrpcs : startHttps;
      const endpoint = await start(certificate);
      setVariables({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_TIMEOUT: "3000" });
      const destination = () =>
        protocol === "grpc" ? new GrpcDestination({}) : new HttpDestination(protocol, {});
      const stranger = destination();
      expect(await stranger.send(spans)).toMatchObject({ kind: "later" });
      stranger.close();

      setVariables(own(certificate));
      const known = destination();
      expect(await known.send(spans)).toMatchObject({ kind: "accepted" });
      known.close();
      const exporter = otlpExporter(protocol);
      const error = await new Promise((resolve) =>
        exporter.export(spans, (result) => resolve(result.error)),
      );
      expect(error).toBeUndefined();
      await exporter.shutdown();
    },
  );
});
