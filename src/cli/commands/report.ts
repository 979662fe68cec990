import { type Command, InvalidArgumentError } from "commander";
import { type CostReport, type CostSums, costReport } from "../../report/cost-report.ts";
import { DIMENSIONS, type Dimension, isDimension } from "../../report/dimensions.ts";
import { openReader } from "../../store/reader.ts";
import type { Cli } from "../cli.ts";
import { parseMoment } from "../period.ts";
import { formatCount, formatUsd } from "../quantities.ts";
import { type Column, formatTable } from "../table.ts";
import { terminalText } from "../terminal-text.ts";

function parseBy(text: string): Dimension[] {
  return text.split(",").map((part) => {
    const name = part.trim() as Dimension;
    if (isDimension(name)) return name;
    throw new InvalidArgumentError(`"${part}" is none of ${DIMENSIONS.join(", ")}.`);
  });
}

const SUM_COLUMNS: readonly Column[] = [
  "runs",
  "failed",
  "uncached in",
  "cache read",
  "cache write",
  "output",
  "cost",
].map((title) => ({ title, align: "right" }));

function sumCells(sums: CostSums): string[] {
  return [
    ...[sums.runs, sums.failures, sums.inputTokens, sums.cacheReadTokens].map(formatCount),
    ...[sums.cacheCreationTokens, sums.outputTokens].map(formatCount),
    sums.unpriced > 0 && sums.costNanoUsd !== null
      ? `≥ ${formatUsd(sums.costNanoUsd)}`
      : formatUsd(sums.costNanoUsd),
  ];
}

/** What a reader of the sums must know besides them. */
function footnotes(report: CostReport): string[] {
  const notes: string[] = [];
  if (report.unpricedModels.length > 0) {
    notes.push(
      `No price is known for ${report.unpricedModels.join(", ")}: its cost is not in the sums.`,
    );
  }
  for (const [reason, spans] of Object.entries(report.droppedSpans)) {
    notes.push(`${formatCount(spans)} spans were lost (${reason}): the sums are a lower bound.`);
  }
  for (const file of report.setAsideFiles) {
    notes.push(`A damaged file was set aside as ${file}: what it holds is not in the sums.`);
  }
  return notes.map(terminalText);
}

function formatReport(report: CostReport): string {
  if (report.total.runs === 0 && report.groups.length === 0) {
    return ["No runs in this period.", ...footnotes(report)].join("\n");
  }
  const keys: Column[] = report.by.map((title) => ({ title, align: "left" }));
  const rows = report.groups.map((group) => [
    ...report.by.map((dimension) => group.key[dimension] ?? "-"),
    ...sumCells(group),
  ]);
  const label = report.by.map((_, index) => (index === 0 ? "total" : ""));
  if (report.by.length > 0) rows.push([...label, ...sumCells(report.total)]);
  return [formatTable([...keys, ...SUM_COLUMNS], rows), ...footnotes(report)].join("\n");
}

export function addReportCommand(program: Command, cli: Cli): void {
  const parseDate = (text: string): Date => {
    const moment = parseMoment(text, cli.nowMs);
    if (moment) return moment;
    throw new InvalidArgumentError(
      `"${text}" is neither like 30d or 12h nor a date like 2026-01-31.`,
    );
  };
  program
    .command("report")
    .description("what was spent, grouped, dearest first")
    .option("--by <dimensions>", `comma list of ${DIMENSIONS.join(", ")}`, parseBy, ["model"])
    .option("--since <moment>", "30d, 12h or a date: only what ended from then on", parseDate)
    .option("--until <moment>", "30d, 12h or a date: only what ended before", parseDate)
    .option("--json", "print JSON and nothing else")
    .action((options: { by: Dimension[]; since?: Date; until?: Date; json?: boolean }) => {
      using reader = openReader(cli.dbPath());
      const { json, ...query } = options;
      const report = costReport(reader, query);
      cli.print(json ? JSON.stringify(report, null, 2) : formatReport(report));
    });
}
