/** The SQLite exporter as hosts construct it: options and environment in, a standard `SpanExporter` out. */
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { type Config, type ConfigOptions, resolveConfig } from "./config.ts";
import { BundledPrices } from "./exporter/prices/bundled-prices.ts";
import { SpanRowReader } from "./exporter/span-row.ts";
import type { SpanWriter } from "./exporter/span-writer.ts";
import { type Logger, StateLog } from "./exporter/state-log.ts";
import { ThreadWriter } from "./exporter/thread-writer.ts";
import { WriterSpanExporter } from "./exporter/writer-span-exporter.ts";
import { defaultLogger } from "./logger.ts";

/** Options of the exporter alone; each beats its environment variable. */
export interface SqliteSpanExporterOptions
  extends Pick<ConfigOptions, "dbPath" | "retentionDays" | "maxDbBytes"> {
  /** A pino logger, or anything with its `warn` and `error`. @default warnings to stderr */
  logger?: Logger | undefined;
}

/** The writer for the file of a checked configuration. */
function sqliteWriter(config: Config, logger: Logger): SpanWriter {
  return new ThreadWriter({
    path: config.dbPath,
    retentionMs: config.retentionMs,
    reader: new SpanRowReader(new BundledPrices()),
    log: new StateLog(logger, Date.now),
    now: Date.now,
  });
}

/** An exporter for the file of a checked configuration. */
export function sqliteExporter(config: Config, logger: Logger): WriterSpanExporter {
  return new WriterSpanExporter(sqliteWriter(config, logger), Date.now);
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
  constructor(options: SqliteSpanExporterOptions = {}) {
    const logger = options.logger ?? defaultLogger();
    super(sqliteWriter(configOf(options, logger), logger), Date.now);
  }
}

/** A ready `BatchSpanProcessor` with an `SqliteSpanExporter`, for a tracer provider of one's own. */
export function sqliteSpanProcessor(options: SqliteSpanExporterOptions = {}): BatchSpanProcessor {
  const logger = options.logger ?? defaultLogger();
  const config = configOf(options, logger);
  return new BatchSpanProcessor(sqliteExporter(config, logger), config.batch);
}
