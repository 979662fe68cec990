import type { Command } from "commander";
import {
  type ExecutionItem,
  lastExecutionId,
  listExecutions,
} from "../../report/list-executions.ts";
import { openReader, type Reader } from "../../store/reader.ts";
import type { Cli } from "../cli.ts";
import {
  addExamples,
  addWhereOption,
  type Filter,
  parseTimeZone,
  wholeNumber,
} from "../options.ts";
import { runColumns } from "../run-columns.ts";
import { formatTable } from "../table.ts";
import { safeJson } from "../terminal-text.ts";

interface TailFlags {
  last: number;
  where?: Filter[];
  tz?: string;
  json?: boolean;
}

const POLL_MS = 500;
const AT_ONCE = 1000;

function linePrinter(cli: Cli, { tz, json }: TailFlags): (runs: readonly ExecutionItem[]) => void {
  const widths: (number | null)[] = [];
  let hasTitles = false;
  return (runs) => {
    if (runs.length === 0) return;
    if (json) {
      for (const run of runs) cli.print(safeJson(run, 0));
      return;
    }
    const lines = String(formatTable(runColumns(tz), runs, cli.terminal, { widths })).split("\n");
    for (const line of hasTitles ? lines.slice(1) : lines) cli.print(line);
    hasTitles = true;
  };
}

async function follow(cli: Cli, reader: Reader, flags: TailFlags): Promise<void> {
  const { where, last } = flags;
  let isOver = false;
  const over = cli.interrupted().then(() => {
    isOver = true;
  });
  const print = linePrinter(cli, flags);
  const [lastId, before] = reader.snapshot(() => [
    lastExecutionId(reader),
    last > 0 ? listExecutions(reader, { where, limit: last }) : [],
  ]);
  print(before.toReversed());
  let afterId = lastId;
  while (!isOver) {
    const runs = listExecutions(reader, { where, afterId, limit: AT_ONCE });
    print(runs);
    afterId = runs.at(-1)?.id ?? afterId;
    if (runs.length < AT_ONCE) await Promise.race([over, Bun.sleep(POLL_MS)]);
  }
}

export function addTailCommand(program: Command, cli: Cli): void {
  const command = program
    .command("tail")
    .description("the latest runs, and then each new one as it ends, until interrupted")
    .option("--last <n>", "begin with so many", wholeNumber(0), 10);
  addWhereOption(command)
    .option("--tz <zone>", "time zone of the times shown (default: UTC)", parseTimeZone)
    .option("--json", "one JSON object a line")
    .action(async (flags: TailFlags) => {
      using reader = openReader(cli.dbPath());
      await follow(cli, reader, flags);
    });
  addExamples(command, [
    ["spanledger tail", "watch the runs of all bots"],
    ["spanledger tail --where repo=acme/api --json | jq .costUsd", "feed another program"],
  ]);
}
