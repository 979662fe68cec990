import type { Logger } from "./exporter/state-log.ts";

/** pino is loaded with the first line: it takes longer than all else of a start, and most have none. */
function openLogger(): Logger {
  const { pino } = require("pino") as typeof import("pino");
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
