/** The SQLite exporter as hosts construct it: options and environment in, a standard `SpanExporter` out. */
import type { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { type Config, type ConfigOptions, resolveConfig } from "./config.ts";
import { drainAtExit } from "./exporter/exit-drain.ts";
import { ExporterMetrics } from "./exporter/exporter-metrics.ts";
import { pricedBy } from "./exporter/prices/priced-by.ts";
import { QueueSpanProcessor } from "./exporter/queue-span-processor.ts";
import { QueueWriter } from "./exporter/queue-writer.ts";
import { SpanRowReader } from "./exporter/span-row.ts";
import type { SpanWriter } from "./exporter/span-writer.ts";
import { type Logger, StateLog } from "./exporter/state-log.ts";
import type { StoreSessionOptions } from "./exporter/store-link.ts";
import { StoreSession } from "./exporter/store-session.ts";
import { ThreadLink } from "./exporter/thread-link.ts";
import { machineTimers } from "./exporter/timers.ts";
import { WorkerLink } from "./exporter/worker-link.ts";
import { WriterSpanExporter } from "./exporter/writer-span-exporter.ts";
import { defaultLogger } from "./logger.ts";

/** What is held while the file cannot be written: whichever comes first. */
const MAX_HELD_SPANS = 20_000;
const MAX_HELD_BYTES = 16 * 1024 * 1024;
/** Short, so that the Worker still hears that it is to close; the queue tries again. */
const BUSY_TIMEOUT_MS = 500;
/** Far above any fsync: a Worker given up while it only waits would leave its thread behind. */
const SILENCE_MS = 15_000;
/** In the host's thread it is the host that waits. */
const THREAD_BUSY_TIMEOUT_MS = 5;

/** Options of the exporter alone; each beats its environment variable. */
export interface SqliteSpanExporterOptions
  extends Pick<
    ConfigOptions,
    "dbPath" | "retentionDays" | "maxDbBytes" | "pricesPath" | "flushOnSignals"
  > {
  /** A pino logger, or anything with its `warn` and `error`. @default warnings to stderr */
  logger?: Logger | undefined;
}

/** The writer for the file of a checked configuration. */
function sqliteWriter(config: Config, logger: Logger): SpanWriter {
  const options: StoreSessionOptions = {
    path: config.dbPath,
    writer: crypto.randomUUID(),
    retentionMs: config.retentionMs,
    maxDbBytes: config.maxDbBytes,
    prices: config.prices,
    busyTimeoutMs: BUSY_TIMEOUT_MS,
  };
  return new QueueWriter({
    bounds: { maxSpans: MAX_HELD_SPANS, maxBytes: MAX_HELD_BYTES },
    openLink: (onReply) => new WorkerLink(options, onReply),
    openThreadLink: (onReply) => {
      const note = (message: string): void => onReply({ type: "note", message });
      const threadOptions = { ...options, busyTimeoutMs: THREAD_BUSY_TIMEOUT_MS };
      const reader = new SpanRowReader(pricedBy(config.prices));
      return new ThreadLink(new StoreSession(threadOptions, reader, note, Date.now), onReply);
    },
    log: new StateLog(logger, () => performance.now()),
    timers: machineTimers,
    silenceMs: SILENCE_MS,
    observer: new ExporterMetrics(),
    random: Math.random,
  });
}

/** A processor with an exporter for the file of a checked configuration. */
export function sqliteProcessor(config: Config, logger: Logger): QueueSpanProcessor {
  const exporter = new WriterSpanExporter(sqliteWriter(config, logger), Date.now);
  const { batch, flushOnSignals } = config;
  return new QueueSpanProcessor(exporter, { ...batch, flushOnSignals });
}

function configOf(options: SqliteSpanExporterOptions, logger: Logger): Config {
  return resolveConfig(options, process.env, (message) => logger.warn(message));
}

/**
 * Writes finished spans into an SQLite file. For people who own their OpenTelemetry SDK: put it behind
 * any `SpanProcessor`, of SDK 2.x or 3.x.
 * @throws {TypeError} for an impossible option. A file that cannot be opened throws nothing: it is
 * logged, tried again, and meanwhile the spans are held.
 */
export class SqliteSpanExporter extends WriterSpanExporter {
  readonly #leaveProcess: () => void;

  constructor(options: SqliteSpanExporterOptions = {}) {
    const logger = options.logger ?? defaultLogger();
    const config = configOf(options, logger);
    super(sqliteWriter(config, logger), Date.now);
    this.#leaveProcess = drainAtExit(this, config.flushOnSignals);
  }

  override async shutdown(): Promise<void> {
    await super.shutdown();
    this.#leaveProcess();
  }
}

/** A ready `BatchSpanProcessor` with an `SqliteSpanExporter`, for a tracer provider of one's own. */
export function sqliteSpanProcessor(options: SqliteSpanExporterOptions = {}): BatchSpanProcessor {
  const logger = options.logger ?? defaultLogger();
  const config = configOf(options, logger);
  return sqliteProcessor(config, logger);
}
