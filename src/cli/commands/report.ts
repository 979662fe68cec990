import { type Command, InvalidArgumentError, Option } from "commander";
import { compareCosts } from "../../report/compare-costs.ts";
import type { CostSums } from "../../report/cost-group.ts";
import { type CostReport, costReport, SORTS, type Sort } from "../../report/cost-report.ts";
import { DIMENSIONS, type Dimension, isTimeUnit } from "../../report/dimensions.ts";
import { openReader, type Reader } from "../../store/reader.ts";
import { type Cli, CliError } from "../cli.ts";
import { costColumns, formatComparison } from "../cost-columns.ts";
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
  parseDimensions,
  periodOf,
  wholeNumber,
} from "../options.ts";
import { parseSpanMs } from "../period.ts";
import { formatUsd } from "../quantities.ts";
import { terminalText } from "../terminal-text.ts";
import type { Text } from "../text-buffer.ts";

interface ReportFlags extends PeriodFlags {
  by?: Dimension[];
  where?: Filter[];
  sort?: Sort;
  top?: number;
  compare?: number;
  failOver?: number;
  format: Format;
  json?: boolean;
}

const DEFAULT_BY: readonly Dimension[] = ["model"];

/** Dollars as nano-dollars: 2.01 times 1e9 is a little less than 2,010,000,000. */
function parseNanoUsd(text: string): number {
  if (/^\d{1,6}(\.\d{1,9})?$/.test(text)) return Math.round(Number(text) * 1e9);
  throw new InvalidArgumentError(`"${text}" is not an amount in dollars like 12.50.`);
}

function parseLength(text: string): number {
  const ms = parseSpanMs(text);
  if (ms !== null) return ms;
  throw new InvalidArgumentError(`"${text}" is not a length of time like 7d or 12h.`);
}

function formatReport(report: CostReport, format: Format, cli: Cli): Text {
  const { groups, rest, total, notes, by } = report;
  const sentences = notes.map(({ text }) => text);
  if (format === "table" && groups.length === 0) {
    return ["No runs in this period.", ...sentences.map(terminalText)].join("\n");
  }
  const columns = costColumns(report);
  const label = (text: string) =>
    Object.fromEntries(by.map((name, i) => [name, i === 0 ? text : ""]));
  const rows: (CostSums & { key: Record<string, string | null> })[] = [...groups];
  if (rest !== null && format !== "csv")
    rows.push({ key: label(`(${rest.groups} more)`), ...rest });
  const options = {
    notes: sentences,
    ...(by.length > 0 && { total: { key: label("total"), ...total } }),
  };
  return formatRows(format, report, columns, rows, cli.terminal, options);
}

function compare(cli: Cli, reader: Reader, flags: ReportFlags, shiftMs: number): CostReport {
  const period = periodOf(cli, flags);
  const until = period.until ?? new Date(cli.nowMs);
  const since = period.since ?? new Date(until.getTime() - shiftMs);
  const { by = DEFAULT_BY, where, sort } = flags;
  const query = { by, where, sort, tz: flags.tz, since, until, shiftMs };
  const comparison = compareCosts(reader, query);
  cli.print(formatComparison(comparison, formatOf(flags), cli.terminal));
  return comparison.current;
}

function report(cli: Cli, reader: Reader, flags: ReportFlags): CostReport {
  const { by = DEFAULT_BY, where, sort, top } = flags;
  const value = costReport(reader, { by, where, sort, top, ...periodOf(cli, flags) });
  cli.print(formatReport(value, formatOf(flags), cli));
  return value;
}

function run(cli: Cli, command: Command, flags: ReportFlags): void {
  if (flags.compare !== undefined) {
    const time = flags.by?.find(isTimeUnit);
    if (time)
      command.error(`error: --compare cannot go with --by ${time}: two periods share none.`);
    if (flags.top !== undefined) command.error("error: --compare cannot go with --top.");
  }
  using reader = openReader(cli.dbPath());
  const { total } =
    flags.compare === undefined
      ? report(cli, reader, flags)
      : compare(cli, reader, flags, flags.compare);
  const { failOver } = flags;
  if (failOver === undefined || (total.costNanoUsd ?? 0) <= failOver) return;
  throw new CliError(
    `The cost of ${formatUsd(total.costNanoUsd)} is over ${formatUsd(failOver)} (--fail-over).`,
  );
}

export function addReportCommand(program: Command, cli: Cli): void {
  const command = program.command("report").description("what was spent, grouped, with a total");
  command.option(
    "--by <dimensions>",
    `comma list of ${DIMENSIONS.join(", ")} or attr:KEY (default: model)`,
    parseDimensions,
  );
  addPeriodOptions(command, cli);
  addWhereOption(command)
    .addOption(sortOption())
    .option("--top <n>", "only the first n groups, and the others in one line", wholeNumber(1))
    .option(
      "--compare <length>",
      "against the period that began so much earlier, e.g. 7d",
      parseLength,
    )
    .option("--fail-over <usd>", "exit with 1 where the total is above this", parseNanoUsd);
  addFormatOptions(command).action((flags: ReportFlags) => run(cli, command, flags));
  addExamples(command, [
    ["spanledger report --by model,repo --since 30d", "this month, by model and repository"],
    ["spanledger report --by day --since 2w --tz Europe/Berlin", "the last days, as a series"],
    ["spanledger report --by pr --where repo=acme/api --top 10", "the dearest pull requests"],
    ["spanledger report --by event --compare 7d", "this week against the last"],
    ["spanledger report --since 24h --fail-over 50", "for CI: fails above 50 dollars"],
    ["spanledger report --by day,model --format csv > costs.csv", "for a spreadsheet"],
  ]);
}

function sortOption(): Option {
  const option = new Option(
    "--sort <column>",
    "descending; key: as grouped (default: cost, series: key)",
  );
  option.argChoices = [...SORTS];
  return option.argParser((text) => oneOf(text, SORTS));
}
