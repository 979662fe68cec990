import type { Text } from "./text-buffer.ts";

/** What a command gets from the process it runs in. */
export interface Cli {
  environment: Readonly<Record<string, string | undefined>>;
  /** The database that `--db`, the environment or the default names. */
  dbPath(): string;
  print(text: Text): void;
  /** What is no answer goes to stderr. */
  note(text: string): void;
  nowMs: number;
  terminal: Terminal;
  /** Resolves when the person interrupts, or has seen enough; for commands that would go on. */
  interrupted(): Promise<void>;
}

export interface Terminal {
  /** Whether a person reads stdout: bars are drawn only then. */
  isInteractive: boolean;
  hasColor: boolean;
  /** How many characters fit on a line. */
  columns: number;
}

/** A failure that a sentence explains: printed without a stack, exit code 1. */
export class CliError extends Error {
  override readonly name = "CliError";
}

/** Flags that cannot go together: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
