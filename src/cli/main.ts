#!/usr/bin/env bun
import { runCommandLine } from "./program.ts";
import { terminalOf } from "./terminal.ts";

const { stdout, stderr, env } = process;

/** Whoever reads may have seen enough, as `head` has: that is no failure, and whatever goes on ends. */
const closed = Promise.withResolvers<void>();
let isClosed = false;

function stopWriting(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  isClosed = true;
  closed.resolve();
}
stdout.on("error", stopWriting);
stderr.on("error", stopWriting);

function write(stream: NodeJS.WriteStream, text: string): void {
  if (isClosed) return;
  try {
    stream.write(text);
  } catch (error) {
    stopWriting(error);
  }
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve());
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2), {
  environment: env,
  write: (text) => write(stdout, text),
  writeError: (text) => write(stderr, text),
  nowMs: Date.now(),
  terminal: terminalOf(stdout, env),
  interrupted: () => Promise.race([signalled(), closed.promise]),
});
