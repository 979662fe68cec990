#!/usr/bin/env bun
import { runCommandLine } from "./program.ts";
import { terminalOf } from "./terminal.ts";

const { stdout, stderr, env } = process;

/** Whoever reads may have seen enough, as `head` has: that is no failure, and what would go on ends. */
const seenEnough = Promise.withResolvers<void>();

/** A way to write to a stream until nobody reads it any more. */
function writerTo(stream: NodeJS.WriteStream, onClosed: () => void): (text: string) => void {
  let isClosed = false;
  const stop = (error: unknown): void => {
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
    isClosed = true;
    onClosed();
  };
  stream.on("error", stop);
  return (text) => {
    if (isClosed) return;
    try {
      stream.write(text);
    } catch (error) {
      stop(error);
    }
  };
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve());
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2), {
  environment: env,
  write: writerTo(stdout, seenEnough.resolve),
  writeError: writerTo(stderr, () => {}),
  nowMs: Date.now(),
  terminal: terminalOf(stdout, env),
  interrupted: () => Promise.race([signalled(), seenEnough.promise]),
});
