import type { Terminal } from "../../src/cli/cli.ts";
import { runCommandLine } from "../../src/cli/program.ts";
import { ACME_NOW_MS } from "./acme.ts";

export interface CommandLineResult {
  exitCode: number;
  out: string;
  error: string;
}

export interface CommandLineOptions {
  terminal?: Partial<Terminal>;
  environment?: Record<string, string>;
  interrupted?: () => Promise<void>;
  onPrint?: (text: string) => void;
}

/** Runs the command line within the test's process, at the time of the acme runs. */
export async function commandLine(
  args: readonly string[],
  { terminal, environment = {}, interrupted, onPrint }: CommandLineOptions = {},
): Promise<CommandLineResult> {
  let out = "";
  let error = "";
  const exitCode = await runCommandLine(args, {
    environment,
    write: (printed) => {
      const text = typeof printed === "string" ? printed : new TextDecoder().decode(printed);
      out += text;
      onPrint?.(text);
    },
    writeError: (text) => {
      error += text;
    },
    nowMs: ACME_NOW_MS,
    terminal: { isInteractive: false, hasColor: false, columns: 100, ...terminal },
    interrupted: interrupted ?? (() => new Promise(() => {})),
  });
  return { exitCode, out: out.trimEnd(), error: error.trimEnd() };
}
