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
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-base";
import { ATTR_SERVICE_NAME } from "@opentelemetry/semantic-conventions";
import { type Config, type ConfigOptions, resolveConfig } from "./config.ts";
import { withinDeadline } from "./deadline.ts";
import { otlpExporter } from "./exporter/otlp.ts";
import type { WriterHealth } from "./exporter/span-writer.ts";
import type { Logger } from "./exporter/state-log.ts";
import type { WriterSpanExporter } from "./exporter/writer-span-exporter.ts";
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
import { sqliteExporter } from "./sqlite.ts";
import { VERSION } from "./version.ts";

const DEADLINE_MS = 10_000;

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
  health(): WriterHealth;
}

function resourceOf(config: Config): Resource {
  const resource = defaultResource().merge(detectResources({ detectors: [envDetector] }));
  if (config.serviceName === null) return resource;
  return resource.merge(resourceFromAttributes({ [ATTR_SERVICE_NAME]: config.serviceName }));
}

interface Exporters {
  all: SpanExporter[];
  sqlite: WriterSpanExporter | null;
}

function exportersOf(config: Config, logger: Logger): Exporters {
  const exporters: Exporters = { all: [], sqlite: null };
  if (config.isDisabled) return exporters;
  for (const name of new Set(config.exporters)) {
    switch (name) {
      case "sqlite":
        exporters.sqlite = sqliteExporter(config, logger);
        exporters.all.push(exporters.sqlite);
        break;
      case "otlp":
        exporters.all.push(otlpExporter(config.otlpProtocol));
        break;
      case "console":
        exporters.all.push(new ConsoleSpanExporter());
        break;
      case "none":
        break;
    }
  }
  return exporters;
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
  const { all, sqlite } = exportersOf(config, logger);
  const provider = new BasicTracerProvider({
    resource: resourceOf(config),
    spanProcessors: all.map((exporter) => new BatchSpanProcessor(exporter, config.batch)),
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
        onError: warn,
        ...queryOptions,
      }),
    async flush() {
      const work = provider.forceFlush().then(() => sqlite?.forceFlush());
      await withinDeadline(work, DEADLINE_MS);
    },
    async shutdown() {
      unregister();
      await withinDeadline(provider.shutdown(), DEADLINE_MS);
      // The processor skips this where its last flush failed; a second shutdown changes nothing.
      if (sqlite) await withinDeadline(sqlite.shutdown(), DEADLINE_MS);
    },
    health: () => sqlite?.health() ?? NO_WRITER,
  };
}
