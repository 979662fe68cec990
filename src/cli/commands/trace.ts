import type { Command } from "commander";
import { readTrace, type TraceSpan, type TraceTree } from "../../report/trace-tree.ts";
import { openReader } from "../../store/reader.ts";
import { type Cli, CliError } from "../cli.ts";
import { formatCount, formatDuration, formatUsd } from "../quantities.ts";
import { formatTable } from "../table.ts";

function rowsOf(spans: readonly TraceSpan[], prefix: string): string[][] {
  return spans.flatMap((span, index) => {
    const isLast = index === spans.length - 1;
    const isRoot = prefix === "" && spans.length === 1;
    const branch = isRoot ? "" : isLast ? "└ " : "├ ";
    const beneath = isRoot ? " " : `${prefix}${isLast ? "  " : "│ "}`;
    const hasUsage = span.inputTokens !== null || span.costNanoUsd !== null;
    const cost = hasUsage ? formatUsd(span.costNanoUsd) : "";
    const row = [
      `${prefix}${branch}${span.name}`,
      formatDuration(span.durationMs),
      hasUsage ? formatCount(span.inputTokens) : "",
      hasUsage ? formatCount(span.outputTokens) : "",
      // In parentheses: another span of the trace already stands for it.
      cost === "" || span.counted ? cost : `(${cost})`,
      span.status === "error" ? (span.errorType ?? "error") : "",
    ];
    return [row, ...rowsOf(span.children, beneath)];
  });
}

function formatTrace(tree: TraceTree): string {
  const columns = ["span", "duration", "input", "output", "cost", ""].map((title, index) => ({
    title,
    align: index === 0 || title === "" ? ("left" as const) : ("right" as const),
  }));
  const table = formatTable(columns, rowsOf(tree.roots, ""));
  return `trace ${tree.traceId}, began ${tree.startedAt} UTC\n\n${table}`;
}

export function addTraceCommand(program: Command, cli: Cli): void {
  program
    .command("trace")
    .description("one run from the inside: its spans as a tree")
    .argument("<id>", "a trace id or the beginning of one, a run's id, or latest")
    .option("--json", "print JSON and nothing else")
    .action((id: string, options: { json?: boolean }) => {
      using reader = openReader(cli.dbPath());
      const tree = readTrace(reader, id);
      if (!tree) throw new CliError(`No single trace goes by "${id}" in ${reader.path}.`);
      cli.print(options.json ? JSON.stringify(tree, null, 2) : formatTrace(tree));
    });
}
