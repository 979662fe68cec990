import pino from "pino";
import type { Logger } from "./exporter/state-log.ts";

/** Warnings and errors to stderr, so that a host's stdout stays its own. */
export function defaultLogger(): Logger {
  const logger = pino(
    { name: "spanledger", level: "warn" },
    pino.destination({ fd: 2, sync: true }),
  );
  return { warn: (message) => logger.warn(message), error: (message) => logger.error(message) };
}
