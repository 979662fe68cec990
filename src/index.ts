/** The public API, by name. */
export type { ConfigOptions, ExporterName, ForwardOptions } from "./config.ts";
export type { ForwardProgress } from "./exporter/forward/forwarder.ts";
export type { WriterHealth } from "./exporter/span-writer.ts";
export type { Logger } from "./exporter/state-log.ts";
export type { InstrumentQueryOptions, QueryFunction } from "./otel/agent-sdk/instrument-query.ts";
export { executionResultFromSdk } from "./otel/agent-sdk/result.ts";
export type { Conclusion, Execution, ExecutionResult, ModelUsage } from "./otel/execution.ts";
export type { Executor, InstrumentExecutorOptions } from "./otel/instrument-executor.ts";
export {
  type ComparedGroup,
  type ComparisonQuery,
  type CostComparison,
  compareCosts,
} from "./report/compare-costs.ts";
export type { CostGroup, CostSums } from "./report/cost-group.ts";
export type { CostNote, CostNoteKind } from "./report/cost-notes.ts";
export {
  type CostQuery,
  type CostReport,
  costReport,
  type Sort,
} from "./report/cost-report.ts";
export type { Dimension } from "./report/dimensions.ts";
export {
  type ExecutionItem,
  type ExecutionOrder,
  type ExecutionQuery,
  listExecutions,
} from "./report/list-executions.ts";
export {
  readTrace,
  type TraceEvent,
  TraceNotFoundError,
  type TraceSpan,
  type TraceTree,
} from "./report/trace-tree.ts";
export {
  SqliteSpanExporter,
  type SqliteSpanExporterOptions,
  sqliteSpanProcessor,
} from "./sqlite.ts";
export { openReader, type Reader } from "./store/reader.ts";
export { StoreError, type StoreErrorKind } from "./store/store-error.ts";
export {
  startTelemetry,
  type Telemetry,
  type TelemetryHealth,
  type TelemetryOptions,
} from "./telemetry.ts";
