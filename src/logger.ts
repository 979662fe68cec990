import pino from "pino";
import type { Logger } from "./exporter/state-log.ts";

/** Opened with the first line: that takes as long as all else of a start, and most processes have none. */
function openLogger(): Logger {
  return pino({ name: "spanledger", level: "warn" }, pino.destination({ fd: 2, sync: true }));
}

/** Warnings and errors to stderr, so that a host's stdout stays its own. */
export function defaultLogger(): Logger {
  let logger: Logger | undefined;
  const opened = (): Logger => {
    logger ??= openLogger();
    return logger;
  };
  return { warn: (message) => opened().warn(message), error: (message) => opened().error(message) };
}
