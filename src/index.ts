/** The public API, by name. */
export type { ConfigOptions, ExporterName, ForwardOptions } from "./config.ts";
export type { ForwardProgress } from "./exporter/forward/forwarder.ts";
export type { WriterHealth } from "./exporter/span-writer.ts";
export type { Logger } from "./exporter/state-log.ts";
export { executionResultFromSdk } from "./otel/agent-sdk/result.ts";
export type { Conclusion, Execution, ExecutionResult, ModelUsage } from "./otel/execution.ts";
export {
  SqliteSpanExporter,
  type SqliteSpanExporterOptions,
  sqliteSpanProcessor,
} from "./sqlite.ts";
export {
  startTelemetry,
  type Telemetry,
  type TelemetryHealth,
  type TelemetryOptions,
} from "./telemetry.ts";
