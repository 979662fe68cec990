/**
 * Wires the flow once: configuration → exporters → tracer provider → the calls that a host makes.
 * After a successful start nothing in here throws into the host, rejects, or outlasts its deadline.
 */
import type { Span, Tracer } from "@opentelemetry/api";
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { BasicTracerProvider, ConsoleSpanExporter } from "@opentelemetry/sdk-trace-base";
import { ATTR_SERVICE_NAME } from "@opentelemetry/semantic-conventions";
import { type Config, type ConfigOptions, resolveConfig } from "./config.ts";
import { withinDeadline } from "./deadline.ts";
import { BackgroundForwarder } from "./exporter/forward/background-forwarder.ts";
import type { ForwardProgress } from "./exporter/forward/forwarder.ts";
import { otlpExporter, otlpPackagePath } from "./exporter/otlp.ts";
import type { QueueSpanProcessor } from "./exporter/queue-span-processor.ts";
import type { WriterHealth } from "./exporter/span-writer.ts";
import { type Logger, StateLog } from "./exporter/state-log.ts";
import { registerGlobals } from "./globals.ts";
import { defaultLogger } from "./logger.ts";
import {
  type InstrumentQueryOptions,
  instrumentQuery,
  type QueryFunction,
} from "./otel/agent-sdk/instrument-query.ts";
import type { Execution } from "./otel/execution.ts";
import {
  type Executor,
  type ExecutorContext,
  type InstrumentExecutorOptions,
  instrumentExecutor,
} from "./otel/instrument-executor.ts";
import { traceExecution } from "./otel/trace-execution.ts";
import { Pipeline } from "./pipeline.ts";
import { sqliteProcessor } from "./sqlite.ts";
import { VERSION } from "./version.ts";

const DEADLINE_MS = 10_000;
/** Of that, what is left for sending stored spans on once the file is closed. */
const FORWARD_DEADLINE_MS = 3000;

/** What became of the spans, and, where they are forwarded, of the stored ones. */
export interface TelemetryHealth extends WriterHealth {
  /** Only where the option `forward` is set. */
  forward?: ForwardProgress;
}

/** Options of `startTelemetry`; each beats its environment variable. */
export interface TelemetryOptions extends ConfigOptions {
  /** A pino logger, or anything with its `warn` and `error`. @default warnings to stderr */
  logger?: Logger | undefined;
}

/** What `startTelemetry` gives a host. */
export interface Telemetry {
  /** For spans of the host's own. */
  readonly tracer: Tracer;
  /** Runs `run` inside the span of an execution; its result, or its error, comes back untouched. */
  traceExecution<T>(execution: Execution, run: (span: Span) => Promise<T> | T): Promise<T>;
  /** The same executor, with a span around every `execute`. */
  instrumentExecutor<E extends Executor>(
    executor: E,
    options?: InstrumentExecutorOptions<ExecutorContext<E>>,
  ): E;
  /** The same `query` of the Claude Agent SDK, with spans for its runs, calls, tools and subagents. */
  instrumentQuery<Q extends QueryFunction>(query: Q, options?: InstrumentQueryOptions<Q>): Q;
  /** Resolves once every span that ended is in the file, or at its deadline (10 s). Never rejects. */
  flush(): Promise<void>;
  /** Flushes, closes the file and gives the globals back, within its deadline (10 s). Never rejects. */
  shutdown(): Promise<void>;
  /** What became of the spans: ended = committed + queued + the sum of dropped. */
  health(): TelemetryHealth;
}

function resourceOf(config: Config): Resource {
  const resource = defaultResource().merge(detectResources({ detectors: [envDetector] }));
  if (config.serviceName === null) return resource;
  return resource.merge(resourceFromAttributes({ [ATTR_SERVICE_NAME]: config.serviceName }));
}

interface Pipelines {
  sqlite: QueueSpanProcessor | null;
  others: Pipeline[];
}

function pipelinesOf(config: Config, logger: Logger): Pipelines {
  const pipelines: Pipelines = { sqlite: null, others: [] };
  if (config.isDisabled) return pipelines;
  for (const name of new Set(config.exporters)) {
    switch (name) {
      case "sqlite":
        pipelines.sqlite = sqliteProcessor(config, logger);
        break;
      case "otlp":
        pipelines.others.push(new Pipeline(otlpExporter(config.otlpProtocol), config.batch));
        break;
      case "console":
        pipelines.others.push(new Pipeline(new ConsoleSpanExporter(), config.batch));
        break;
      case "none":
        break;
    }
  }
  return pipelines;
}

function forwarderOf(config: Config, logger: Logger): BackgroundForwarder | null {
  if (config.forward === null || config.isDisabled) return null;
  if (!config.exporters.includes("sqlite")) {
    const others = config.exporters.join(", ");
    logger.warn(
      `forward is set, and sqlite is not among the exporters (${others}): nothing is stored, and nothing forwarded.`,
    );
    return null;
  }
  const { protocol = config.otlpProtocol, holdRetention = false, ...destination } = config.forward;
  const path = config.dbPath;
  const target = { path, protocol, holdsRetention: holdRetention, ...destination };
  otlpPackagePath(protocol); // Throws here, at start, where it is missing; the Worker loads it.
  return new BackgroundForwarder(target, new StateLog(logger, Date.now));
}

const NO_WRITER: WriterHealth = {
  ended: 0,
  committed: 0,
  queued: 0,
  dropped: {},
  state: "ok",
  lastError: null,
};

/** Warnings may come before the logger is known to work. */
function guarded(logger: Logger): Logger {
  const guard = (level: "warn" | "error") => (message: string) => {
    try {
      logger[level](message);
    } catch {
      // A broken logger must not break the host.
    }
  };
  return { warn: guard("warn"), error: guard("error") };
}

/**
 * Starts telemetry. Call it once, before the first execution.
 *
 * @throws {TypeError} for an impossible option, naming it, its value and what is allowed.
 * @throws {Error} where an exporter's package is not installed, with the command that installs it.
 * A database that cannot be opened throws nothing: it is logged, and spans are held and tried again.
 */
export function startTelemetry(options: TelemetryOptions = {}): Telemetry {
  const logger = guarded(options.logger ?? defaultLogger());
  const config = resolveConfig(options, process.env, (message) => logger.warn(message));
  const { sqlite, others } = pipelinesOf(config, logger);
  const forwarder = forwarderOf(config, logger);
  const provider = new BasicTracerProvider({
    resource: resourceOf(config),
    spanProcessors: [...(sqlite ? [sqlite] : []), ...others.map(({ processor }) => processor)],
  });
  const unregister =
    config.registerGlobals && !config.isDisabled ? registerGlobals(provider, logger) : () => {};
  const tracer = provider.getTracer("spanledger", VERSION);
  const warn = (error: unknown): void => logger.warn(`Telemetry failed: ${String(error)}`);
  return {
    tracer,
    traceExecution: (execution, run) => traceExecution(tracer, execution, run, { onError: warn }),
    instrumentExecutor: (executor, executorOptions) =>
      instrumentExecutor(tracer, executor, { onError: warn, ...executorOptions }),
    instrumentQuery: (query, queryOptions) =>
      instrumentQuery(tracer, query, {
        captureContent: config.captureContent,
        onError: warn,
        ...queryOptions,
      }),
    async flush() {
      await Promise.all([
        sqlite && withinDeadline(sqlite.forceFlush(), DEADLINE_MS),
        ...others.map((pipeline) => pipeline.flush(DEADLINE_MS)),
      ]);
    },
    async shutdown() {
      unregister();
      const stored = sqlite && withinDeadline(sqlite.shutdown(), DEADLINE_MS - FORWARD_DEADLINE_MS);
      await Promise.all([
        stored?.then(() => forwarder?.stop(FORWARD_DEADLINE_MS)),
        ...others.map((pipeline) => pipeline.shutdown(DEADLINE_MS)),
      ]);
    },
    health: () => ({
      ...(sqlite?.health() ?? NO_WRITER),
      ...(forwarder ? { forward: forwarder.progress() } : {}),
    }),
  };
}
