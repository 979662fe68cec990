#!/usr/bin/env bun
import { runCommandLine } from "./program.ts";

const { stdout, env } = process;
const isInteractive = stdout.isTTY === true && env["TERM"] !== "dumb";

process.exitCode = await runCommandLine(process.argv.slice(2), {
  environment: env,
  write: (text) => void stdout.write(text),
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
