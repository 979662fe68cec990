import { type Command, Option } from "commander";
import {
  EXECUTION_ORDERS,
  type ExecutionOrder,
  listExecutions,
} from "../../report/list-executions.ts";
import { openReader } from "../../store/reader.ts";
import type { Cli } from "../cli.ts";
import { type Format, formatRows } from "../formats.ts";
import {
  addExamples,
  addFormatOptions,
  addPeriodOptions,
  addWhereOption,
  type Filter,
  formatOf,
  oneOf,
  type PeriodFlags,
  periodOf,
  wholeNumber,
} from "../options.ts";
import { runColumns } from "../run-columns.ts";

interface RunsFlags extends PeriodFlags {
  order: ExecutionOrder;
  failed?: boolean;
  session?: string;
  pr?: number;
  where?: Filter[];
  top: number;
  format: Format;
  json?: boolean;
}

function run(cli: Cli, flags: RunsFlags): void {
  const { order, failed, session, pr, where = [], top } = flags;
  using reader = openReader(cli.dbPath());
  const filters: Filter[] = [...where];
  if (session !== undefined) filters.push(["session", session]);
  if (pr !== undefined) filters.push(["pr", String(pr)]);
  const { since, until } = periodOf(cli, flags);
  const runs = listExecutions(reader, {
    order,
    isFailed: failed,
    where: filters,
    limit: top,
    since,
    until,
  });
  const format = formatOf(flags);
  if (runs.length === 0 && format === "table") cli.print("No such runs in the file.");
  else cli.print(formatRows(format, runs, runColumns(flags.tz), runs, cli.terminal));
}

export function addRunsCommand(program: Command, cli: Cli): void {
  const command = program
    .command("runs")
    .description("single runs: the newest, dearest, slowest or failed");
  const order = new Option("--order <name>", "which come first")
    .argParser((text) => oneOf(text, EXECUTION_ORDERS))
    .default("newest");
  order.argChoices = [...EXECUTION_ORDERS];
  command
    .addOption(order)
    .option("--failed", "only runs that did not succeed")
    .option("--session <id>", "only runs of this session")
    .option("--pr <number>", "only runs for this pull request", wholeNumber(0));
  addWhereOption(command).option("--top <n>", "at most so many", wholeNumber(1), 20);
  addPeriodOptions(command, cli);
  addFormatOptions(command).action((flags: RunsFlags) => run(cli, flags));
  addExamples(command, [
    ["spanledger runs", "the newest runs"],
    ["spanledger runs --order dearest --since 7d --top 5", "what cost most this week"],
    ["spanledger runs --failed --where repo=acme/api", "what went wrong in one repository"],
    ["spanledger runs --pr 42 --where repo=acme/api", "all runs for one pull request"],
  ]);
}
