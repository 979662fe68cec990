import type { Command } from "commander";
import { readTrace, TraceNotFoundError, type TraceTree } from "../../report/trace-tree.ts";
import { openReader } from "../../store/reader.ts";
import { type Cli, CliError } from "../cli.ts";
import { addExamples } from "../options.ts";
import { safeJson } from "../terminal-text.ts";
import { formatTrace } from "../waterfall.ts";

/** Deep in a tree, lines are mostly indentation: a hundred thousand spans would be a gigabyte of it. */
const MAX_INDENTED_SPANS = 1000;

function toJson(tree: TraceTree): string {
  return safeJson(tree, tree.spans > MAX_INDENTED_SPANS ? 0 : 2);
}

function run(cli: Cli, id: string, json: boolean): void {
  using reader = openReader(cli.dbPath());
  try {
    const tree = readTrace(reader, id);
    cli.print(json ? toJson(tree) : formatTrace(tree, cli.terminal));
  } catch (error) {
    if (!(error instanceof TraceNotFoundError)) throw error;
    const hint = error.candidates.length === 0 ? " spanledger runs lists what there is." : "";
    throw new CliError(`${error.message}${hint}`, { cause: error });
  }
}

export function addTraceCommand(program: Command, cli: Cli): void {
  const command = program
    .command("trace")
    .description("one run from the inside: its spans as a tree and a waterfall")
    .argument("<id>", "a run's id, a trace id or the beginning of one, or latest")
    .option("--json", "print JSON and nothing else")
    .action((id: string, { json = false }: { json?: boolean }) => run(cli, id, json));
  addExamples(command, [
    ["spanledger trace latest", "the newest run"],
    ["spanledger trace 42", "the run that spanledger runs lists as 42"],
    ["spanledger trace 9f86d081", "the trace whose id begins so"],
  ]);
}
