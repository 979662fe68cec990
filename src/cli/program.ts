/**
 * ANSWER → PERSON: the command line. Exit codes: 0 done, 1 failed, 2 wrong usage. Each command is a
 * file in `commands/` that asks `src/report` and prints.
 */
import { Command, CommanderError } from "commander";
import { StoreError } from "../store/store-error.ts";
import { VERSION } from "../version.ts";
import { type Cli, CliError, UsageError } from "./cli.ts";
import { addExamples } from "./options.ts";
import { terminalLines, terminalText } from "./terminal-text.ts";

type AddCommand = (program: Command, cli: Cli) => void;

/** In the order of the help. Each is loaded only when it is asked for: that is most of a cold start. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  report: async () => (await import("./commands/report.ts")).addReportCommand,
  runs: async () => (await import("./commands/runs.ts")).addRunsCommand,
  trace: async () => (await import("./commands/trace.ts")).addTraceCommand,
  tail: async () => (await import("./commands/tail.ts")).addTailCommand,
  sql: async () => (await import("./commands/sql.ts")).addSqlCommand,
  schema: async () => (await import("./commands/schema.ts")).addSchemaCommand,
  forward: async () => (await import("./commands/forward.ts")).addForwardCommand,
  maintain: async () => (await import("./commands/maintain.ts")).addMaintainCommand,
  doctor: async () => (await import("./commands/doctor.ts")).addDoctorCommand,
  backup: async () => (await import("./commands/backup.ts")).addBackupCommand,
  restore: async () => (await import("./commands/backup.ts")).addRestoreCommand,
  completion: async () => (await import("./commands/completion.ts")).addCompletionCommand,
};

/** The commands that a line may mean: all, unless it names some; completion tells of all of them. */
function commandsFor(args: readonly string[]): string[] {
  const names = Object.keys(COMMANDS);
  const named = names.filter((name) => args.includes(name));
  const needsAll = named.length === 0 || args.includes("help") || args.includes("completion");
  return needsAll ? names : named;
}

const DEFAULT_DB_PATH = "./data/telemetry.db";

const CONVENTIONS = `Exit codes: 0 done, 1 failed, 2 wrong usage. Colours and bars are for terminals; NO_COLOR and
FORCE_COLOR are heeded.`;

/** The process around a command line; tests give their own. */
export interface CliProcess extends Omit<Cli, "dbPath" | "print" | "note"> {
  write(text: string | Uint8Array): void;
  writeError(text: string): void;
}

async function buildProgram(args: readonly string[], outer: CliProcess): Promise<Command> {
  const program = new Command("spanledger")
    .description("What agent runs did and cost, from the file that spanledger writes.")
    .option("--db <path>", "the database (default: $TELEMETRY_DB_PATH, else ./data/telemetry.db)")
    .version(VERSION, "--version", "print the version")
    .showHelpAfterError("(spanledger help shows what there is)")
    .configureHelp({ helpWidth: outer.terminal.columns, showGlobalOptions: true })
    .configureOutput({
      writeOut: outer.write,
      writeErr: (text) => outer.writeError(terminalLines(text)),
    })
    .exitOverride();
  addExamples(program, [
    ["spanledger report --by repo --since 30d", "what each repository cost"],
    ["spanledger runs --order dearest --top 5", "the dearest runs"],
    ["spanledger trace latest", "what happened inside the newest one"],
    ["spanledger help report", "all that a report can be asked"],
  ]);
  program.addHelpText("after", `\n${CONVENTIONS}`);
  const { nowMs, terminal, interrupted, environment } = outer;
  const cli: Cli = {
    environment,
    dbPath: () =>
      program.opts<{ db?: string }>().db ??
      (environment["TELEMETRY_DB_PATH"]?.trim() || DEFAULT_DB_PATH),
    print: (text) => outer.write(typeof text === "string" ? `${text}\n` : text.text("\n").bytes),
    note: (text) => outer.writeError(`${text}\n`),
    nowMs,
    terminal,
    interrupted,
  };
  for (const name of commandsFor(args)) (await COMMANDS[name]?.())?.(program, cli);
  return program;
}

/** A bug keeps its stack; what a sentence explains is that sentence, on one line whatever it quotes. */
function messageOf(error: unknown): string {
  const isExplained = [CliError, UsageError, StoreError].some((type) => error instanceof type);
  if (error instanceof Error && isExplained) return terminalText(error.message);
  return terminalLines(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

/** Runs one command line. @returns the exit code. */
export async function runCommandLine(args: readonly string[], outer: CliProcess): Promise<number> {
  try {
    const program = await buildProgram(args, outer);
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    outer.writeError(`${messageOf(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}
