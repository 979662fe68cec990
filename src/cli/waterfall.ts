/** A trace as a tree beside a waterfall: when each span ran, how long, and what it used. */
import type { TraceEvent, TraceSpan, TraceTree } from "../report/trace-tree.ts";
import type { Terminal } from "./cli.ts";
import { clip } from "./clip.ts";
import type { Column } from "./column.ts";
import { fitColumns } from "./fit-columns.ts";
import { countOf, formatCount, formatDuration, formatUsd } from "./quantities.ts";
import { bar } from "./style.ts";
import { formatTable } from "./table.ts";
import { terminalText } from "./terminal-text.ts";

/** A line: a span, or an event of the span above it. */
interface Line {
  label: string;
  span: TraceSpan | null;
  event: TraceEvent | null;
}

const GAP = 2;
const MIN_BAR = 10;
const MIN_LABEL = 16;
/** In less room an error says nothing; the waterfall shows it in red all the same. */
const MIN_ERROR = 8;
/** More spans than anybody reads; `--json` has them all. */
const MAX_LINES = 2000;

function linesOf(spans: readonly TraceSpan[], prefix: string, isTop: boolean): Line[] {
  return spans.flatMap((span, index) => {
    const isLast = index === spans.length - 1;
    const branch = isTop ? "" : isLast ? "└ " : "├ ";
    const beneath = isTop ? "" : `${prefix}${isLast ? "  " : "│ "}`;
    const stem = span.children.length > 0 ? "│ " : "  ";
    const events = span.events.map((event): Line => {
      const what = event.exception === null ? "" : ` ${event.exception}`;
      const label = terminalText(`${beneath}${stem}• ${event.name}${what}`);
      return { label, span: null, event };
    });
    const line = { label: terminalText(`${prefix}${branch}${span.name}`), span, event: null };
    return [line, ...events, ...linesOf(span.children, beneath, false)];
  });
}

function hasUsage({ counted, inputTokens, outputTokens, costNanoUsd }: TraceSpan): boolean {
  return counted || [inputTokens, outputTokens, costNanoUsd].some((value) => value !== null);
}

function usageText({ span }: Line, text: (span: TraceSpan) => string): string {
  return span !== null && hasUsage(span) ? text(span) : "";
}

/** In a narrow terminal those of the highest rank go first. */
type NumberColumn = readonly [title: string, rank: number, text: (line: Line) => string];

const NUMBERS: readonly NumberColumn[] = [
  [
    "duration",
    0,
    ({ span, event }) =>
      span ? formatDuration(span.durationMs) : `+${formatDuration(event?.atMs ?? 0)}`,
  ],
  ["input", 2, (line) => usageText(line, ({ inputTokens }) => formatCount(inputTokens))],
  ["output", 2, (line) => usageText(line, ({ outputTokens }) => formatCount(outputTokens))],
  [
    "cost",
    1,
    // In parentheses: another span of the trace already stands for it.
    (line) =>
      usageText(line, ({ costNanoUsd, counted }) =>
        counted || costNanoUsd === null ? formatUsd(costNanoUsd) : `(${formatUsd(costNanoUsd)})`,
      ),
  ],
];

function errorText({ span }: Line): string {
  if (span?.status !== "error") return "";
  return terminalText([span.errorType ?? "error", span.statusMessage].filter(Boolean).join(": "));
}

/** When a span ran, as a bar at its place within the whole. */
function barText({ span, event }: Line, wholeMs: number, width: number): string {
  const scale = wholeMs > 0 ? width / wholeMs : 0;
  const startMs = Math.max(0, span?.startMs ?? event?.atMs ?? 0);
  const offset = Math.min(Math.floor(startMs * scale), width - 1);
  const room = width - offset;
  const length = Math.max((span?.durationMs ?? 0) * scale, 0.125);
  return " ".repeat(offset) + (span ? bar(length / room, room) : "·");
}

/** What is shown beside the waterfall, and how wide. */
interface Fitting {
  numbers: readonly NumberColumn[];
  label: number;
  error: number;
  bar: number;
}

function widest(lines: readonly Line[], text: (line: Line) => string): number {
  return lines.reduce((width, line) => Math.max(width, Bun.stringWidth(text(line))), 0);
}

/** Numbers are whole, or not there; names and errors give way to each other and to the waterfall. */
function fitLines(lines: readonly Line[], columns: number): Fitting {
  const fits = NUMBERS.map(([title, rank, text]) => {
    return { width: Math.max(title.length, widest(lines, text)), rank, canCut: false };
  });
  const widths = fitColumns(fits, GAP, columns - MIN_LABEL - MIN_BAR - 2 * GAP);
  const numbers = NUMBERS.filter((_, index) => widths[index] !== null);
  let room = columns - GAP;
  for (const width of widths) if (width !== null) room -= GAP + width;
  const label = Math.min(
    widest(lines, (line) => line.label),
    Math.max(MIN_LABEL, room >> 1),
  );
  const rest = room - label;
  const errorRoom = rest - MIN_BAR - GAP;
  const error = errorRoom < MIN_ERROR ? 0 : Math.min(widest(lines, errorText), errorRoom);
  return { numbers, label, error, bar: Math.max(MIN_BAR, rest - (error > 0 ? error + GAP : 0)) };
}

function columnsOf(tree: TraceTree, { numbers, ...widths }: Fitting): Column<Line>[] {
  const value = (): null => null;
  const column = (title: string, text: (line: Line) => string): Column<Line> => ({
    ...{ title, name: title, kind: "text", value, text },
  });
  const columns = [column("span", ({ label }) => clip(label, widths.label))];
  for (const [title, , text] of numbers) columns.push({ ...column(title, text), kind: "number" });
  if (widths.error > 0) {
    const error = column("error", (line) => clip(errorText(line), widths.error));
    columns.push({ ...error, style: () => "red" });
  }
  const whole = formatDuration(tree.durationMs);
  columns.push({
    ...column(whole, (line) => barText(line, tree.durationMs, widths.bar)),
    style: ({ span }) => (span?.status === "error" ? "red" : "cyan"),
  });
  return columns;
}

/** The tree as lines that fit the terminal. */
export function formatTrace(tree: TraceTree, terminal: Terminal): string {
  const all = linesOf(tree.roots, "", true);
  const lines = all.slice(0, MAX_LINES);
  const columns = columnsOf(tree, fitLines(lines, terminal.columns));
  const more = all.length - lines.length;
  const notes = more > 0 ? [`… and ${formatCount(more)} more lines; --json has them all.`] : [];
  const spans = countOf(tree.spans, "span");
  const head = `trace ${tree.traceId}, began ${tree.startedAt}, ${spans}`;
  return [head, "", formatTable(columns, lines, terminal, { notes })].join("\n");
}
