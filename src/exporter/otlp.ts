/** The official OTLP exporters, which are optional peers: loaded only when asked for. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
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

/** Where packages are looked for: beside this file, and, where it was bundled away from them, at the host's. */
function requirers(): NodeJS.Require[] {
  return [createRequire(import.meta.url), createRequire(join(process.cwd(), "index.js"))];
}

/** Where no folder has a package, Bun would fetch the newest from the registry to resolve its name. */
function isInstalled(name: string, require: NodeJS.Require): boolean {
  const named = (process.env["NODE_PATH"] ?? "").split(delimiter).filter(Boolean);
  const folders = [...(require.resolve.paths(name) ?? []), ...named];
  return folders.some((folder) => existsSync(join(folder, name)));
}

/**
 * Where the protocol's package is installed; it is not loaded yet, which takes a while.
 * @throws {Error} with the install command where it is missing.
 */
export function otlpPackagePath(protocol: OtlpProtocol): string {
  const name = PACKAGE_BY_PROTOCOL[protocol];
  let cause: unknown;
  for (const require of requirers()) {
    if (!isInstalled(name, require)) continue;
    try {
      return require.resolve(name);
    } catch (error) {
      cause ??= error;
    }
  }
  throw new Error(
    `OTLP over ${protocol} goes through ${name}, which is not installed: bun add ${name}`,
    { cause },
  );
}

/** Loads the exporter's package. `require` then finds the packages that it stands on itself. */
export function loadOtlpPackage(protocol: OtlpProtocol): {
  module: OtlpModule;
  require: NodeJS.Require;
} {
  const path = otlpPackagePath(protocol);
  const require = createRequire(path);
  return { module: require(path) as OtlpModule, require };
}

/**
 * An exporter for the protocol, configured by the standard `OTEL_EXPORTER_OTLP_*` variables.
 * @throws {Error} with the install command where the package is missing.
 */
export function otlpExporter(protocol: OtlpProtocol): SpanExporter {
  const { module } = loadOtlpPackage(protocol);
  return new module.OTLPTraceExporter();
}
