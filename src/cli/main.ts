#!/usr/bin/env bun
import { isCharacterDevice, type Output, pipeOutput, streamOutput } from "./output.ts";
import { terminalOf } from "./terminal.ts";

/** Named without an extension: in the package it is a bundle, and a bundler of this file does not see it. */
const program: typeof import("./program.ts") = await import(import.meta.resolve("./program"));

/** Nobody reads any more, or nothing can be written: what would go on ends. */
const closed = Promise.withResolvers<void>();

const isScreen = isCharacterDevice();
const stdout = isScreen ? streamOutput(process.stdout, closed.resolve) : pipeOutput(closed.resolve);

/** Loaded only when there is something to say. */
let stderr: Output | undefined;
function writeError(text: string): void {
  stderr ??= streamOutput(process.stderr, () => {});
  stderr.write(text);
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve());
  });
}

process.exitCode = await program.runCommandLine(process.argv.slice(2), {
  environment: process.env,
  write: stdout.write,
  writeError,
  nowMs: Date.now(),
  terminal: terminalOf(isScreen ? process.stdout : {}, process.env),
  interrupted: () => Promise.race([signalled(), closed.promise]),
});
try {
  await stdout.written();
} catch (error) {
  writeError(`The answer could not be written: ${(error as Error).message}.\n`);
  process.exitCode = 1;
}
