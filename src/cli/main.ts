#!/usr/bin/env bun
import { runCommandLine } from "./program.ts";

const { stdout, env } = process;
const isInteractive = stdout.isTTY === true && env["TERM"] !== "dumb";

/** Whoever reads may have seen enough, as `head` has: that is no failure. */
function endWhereNobodyReads(error: unknown): never {
  if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(0);
  throw error;
}
stdout.on("error", endWhereNobodyReads);

function write(text: string): void {
  try {
    stdout.write(text);
  } catch (error) {
    endWhereNobodyReads(error);
  }
}

process.exitCode = await runCommandLine(process.argv.slice(2), {
  environment: env,
  write,
  writeError: (text) => void process.stderr.write(text),
  nowMs: Date.now(),
  terminal: {
    isInteractive,
    hasColor: isInteractive && !env["NO_COLOR"],
    columns: stdout.columns || 100,
  },
  interrupted: () =>
    new Promise((resolve) => {
      for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve());
    }),
});
