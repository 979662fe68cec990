/** The official OTLP exporters, which are optional peers: loaded only when asked for. */
import { createRequire } from "node:module";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";

/** The values of `OTEL_EXPORTER_OTLP_PROTOCOL`. */
export const OTLP_PROTOCOLS = ["http/protobuf", "http/json", "grpc"] as const;
export type OtlpProtocol = (typeof OTLP_PROTOCOLS)[number];

const PACKAGE_BY_PROTOCOL: Readonly<Record<OtlpProtocol, string>> = {
  "http/protobuf": "@opentelemetry/exporter-trace-otlp-proto",
  "http/json": "@opentelemetry/exporter-trace-otlp-http",
  grpc: "@opentelemetry/exporter-trace-otlp-grpc",
};

interface OtlpModule {
  OTLPTraceExporter: new () => SpanExporter;
}

/**
 * An exporter for the protocol, configured by the standard `OTEL_EXPORTER_OTLP_*` variables.
 * @throws {Error} with the install command where the package is missing.
 */
export function otlpExporter(protocol: OtlpProtocol): SpanExporter {
  const name = PACKAGE_BY_PROTOCOL[protocol];
  try {
    const module = createRequire(import.meta.url)(name) as OtlpModule;
    return new module.OTLPTraceExporter();
  } catch (cause) {
    throw new Error(
      `The "otlp" exporter speaks ${protocol} through ${name}, which cannot be loaded. Install it: bun add ${name}`,
      { cause },
    );
  }
}
