#!/usr/bin/env bun
/**
 * ANSWER → PERSON: the command line. Exit codes: 0 done, 1 failed, 2 wrong usage. Each command is a
 * file in `commands/` that asks `src/report` and prints.
 */
import { Command, CommanderError } from "commander";
import { StoreError } from "../store/store-error.ts";
import { type Cli, CliError } from "./cli.ts";
import { addBackupCommand, addRestoreCommand } from "./commands/backup.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addForwardCommand } from "./commands/forward.ts";
import { addMaintainCommand } from "./commands/maintain.ts";
import { addReportCommand } from "./commands/report.ts";
import { addTraceCommand } from "./commands/trace.ts";
import { terminalText } from "./terminal-text.ts";

const DEFAULT_DB_PATH = "./data/telemetry.db";

function buildProgram(): Command {
  const program = new Command("spanledger")
    .description("What agent runs did and cost, from the file that spanledger writes.")
    .option("--db <path>", "the database (default: $TELEMETRY_DB_PATH, else ./data/telemetry.db)")
    .showHelpAfterError("(spanledger help shows what there is)")
    .exitOverride();
  const cli: Cli = {
    dbPath: () =>
      program.opts<{ db?: string }>().db ?? process.env["TELEMETRY_DB_PATH"] ?? DEFAULT_DB_PATH,
    print: (text) => console.log(text),
    note: (text) => console.error(text),
    nowMs: Date.now(),
  };
  addReportCommand(program, cli);
  addTraceCommand(program, cli);
  addForwardCommand(program, cli);
  addMaintainCommand(program, cli);
  addDoctorCommand(program, cli);
  addBackupCommand(program, cli);
  addRestoreCommand(program, cli);
  return program;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const isExplained = error instanceof CliError || error instanceof StoreError;
  const text = isExplained ? error.message : error instanceof Error ? error.stack : String(error);
  console.error(text?.split("\n").map(terminalText).join("\n"));
  return 1;
}

try {
  await buildProgram().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
