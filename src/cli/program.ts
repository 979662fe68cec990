/**
 * ANSWER → PERSON: the command line. Exit codes: 0 done, 1 failed, 2 wrong usage. Each command is a
 * file in `commands/` that asks `src/report` and prints.
 */
import { Command, CommanderError } from "commander";
import { StoreError } from "../store/store-error.ts";
import { type Cli, CliError } from "./cli.ts";
import { addBackupCommand, addRestoreCommand } from "./commands/backup.ts";
import { addCompletionCommand } from "./commands/completion.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addForwardCommand } from "./commands/forward.ts";
import { addMaintainCommand } from "./commands/maintain.ts";
import { addReportCommand } from "./commands/report.ts";
import { addRunsCommand } from "./commands/runs.ts";
import { addSchemaCommand } from "./commands/schema.ts";
import { addSqlCommand } from "./commands/sql.ts";
import { addTailCommand } from "./commands/tail.ts";
import { addTraceCommand } from "./commands/trace.ts";
import { terminalText } from "./terminal-text.ts";

const DEFAULT_DB_PATH = "./data/telemetry.db";

/** The process around a command line; tests give their own. */
export interface CliProcess extends Omit<Cli, "dbPath" | "print" | "note"> {
  environment: Readonly<Record<string, string | undefined>>;
  write(text: string): void;
  writeError(text: string): void;
}

export function buildProgram(outer: CliProcess): Command {
  const program = new Command("spanledger")
    .description("What agent runs did and cost, from the file that spanledger writes.")
    .option("--db <path>", "the database (default: $TELEMETRY_DB_PATH, else ./data/telemetry.db)")
    .showHelpAfterError("(spanledger help shows what there is)")
    .configureHelp({ helpWidth: outer.terminal.columns })
    .configureOutput({ writeOut: outer.write, writeErr: outer.writeError })
    .exitOverride();
  const { nowMs, terminal, interrupted, environment } = outer;
  const cli: Cli = {
    dbPath: () =>
      program.opts<{ db?: string }>().db || environment["TELEMETRY_DB_PATH"] || DEFAULT_DB_PATH,
    print: (text) => outer.write(`${text}\n`),
    note: (text) => outer.writeError(`${text}\n`),
    nowMs,
    terminal,
    interrupted,
  };
  addReportCommand(program, cli);
  addRunsCommand(program, cli);
  addTraceCommand(program, cli);
  addTailCommand(program, cli);
  addSqlCommand(program, cli);
  addSchemaCommand(program, cli);
  addForwardCommand(program, cli);
  addMaintainCommand(program, cli);
  addDoctorCommand(program, cli);
  addBackupCommand(program, cli);
  addRestoreCommand(program, cli);
  addCompletionCommand(program, cli);
  return program;
}

/** A bug keeps its stack; what a sentence explains is that sentence. */
function messageOf(error: unknown): string {
  if (error instanceof CliError || error instanceof StoreError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Runs one command line. @returns the exit code. */
export async function runCommandLine(args: readonly string[], outer: CliProcess): Promise<number> {
  try {
    await buildProgram(outer).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    outer.writeError(`${messageOf(error).split("\n").map(terminalText).join("\n")}\n`);
    return 1;
  }
}
