/**
 * Rows in the formats that commands print. A column says what its values are, and every format writes
 * them its own way: people get `$1.2345` and `3.2 s`, a spreadsheet gets `1.2345` and `3200`.
 */
import type { Terminal } from "./cli.ts";
import { clip } from "./clip.ts";
import { fitColumns } from "./fit-columns.ts";
import { decimalUsd, formatCount, formatDuration, formatShare, formatUsd } from "./quantities.ts";
import { paint, type Style } from "./style.ts";
import { safeJson, terminalText } from "./terminal-text.ts";

export const FORMATS = ["table", "json", "csv", "markdown"] as const;
export type Format = (typeof FORMATS)[number];

export type Value = string | number | bigint | null;

export interface Column<Row> {
  /** What a person reads above it. */
  title: string;
  /** What a program reads, with the unit last. */
  name: string;
  /** `usd` values are nano-dollars, `share` values 0 to 1, `ms` milliseconds; `number` is shown as it is. */
  kind: "text" | "count" | "usd" | "share" | "ms" | "number";
  value: (row: Row) => Value;
  /** For people only, where the kind does not say it all. */
  text?: (row: Row) => string;
  style?: (row: Row) => Style | null;
  /** Only where a person reads. */
  isDrawing?: boolean;
  /**
   * Where a terminal is too narrow for all, columns go by this, the highest first, and text that has it
   * is cut; 0 stays. @default stays, and whole
   */
  rank?: number;
}

export interface TableOptions<Row> {
  /** Stands below the others. */
  total?: Row;
  /** Sentences beneath. */
  notes?: readonly string[];
  /** How wide the columns came out, null for those that did not fit: for whoever prints more lines. */
  widths?: (number | null)[];
}

/** Only text is hostile: the words of quantities are our own. */
function textOf<Row>({ kind, text, value }: Column<Row>): (row: Row) => string {
  if (text) return kind === "text" ? (row) => terminalText(text(row)) : text;
  const format = FORMATTERS[kind];
  return (row) => {
    const own = value(row);
    if (typeof own === "number" || own === null) return format(own);
    return typeof own === "string" ? terminalText(own) : String(own);
  };
}

const FORMATTERS: Readonly<Record<Column<unknown>["kind"], (value: number | null) => string>> = {
  text: (value) => (value === null ? "-" : String(value)),
  count: formatCount,
  usd: formatUsd,
  share: formatShare,
  ms: formatDuration,
  number: (value) => (value === null ? "" : String(value)),
};

function alignsRight<Row>(column: Column<Row>): boolean {
  return column.kind !== "text" && column.isDrawing !== true;
}

/** Between two columns. */
const GAP = 2;
/** Characters of one column each, so that a text's length is its width. */
const SIMPLE = /^[ -~…·•]*$/;

/** The cells of one column, the title first. */
interface Cells<Row> {
  column: Column<Row>;
  texts: string[];
  /** Whether each character takes one column. */
  isSimple: boolean;
  width: number;
}

function cellsOf<Row>(column: Column<Row>, rows: readonly Row[]): Cells<Row> {
  const texts = [terminalText(column.title)];
  const toText = textOf(column);
  for (const row of rows) texts.push(toText(row));
  // Numbers are simple.
  const isSimple = alignsRight(column) || texts.every((text) => SIMPLE.test(text));
  let width = 0;
  for (const text of texts) {
    const own = isSimple ? text.length : Bun.stringWidth(text);
    if (own > width) width = own;
  }
  return { column, texts, isSimple, width };
}

/** How wide each column is to be; null where it is left out. Only a person's terminal has an edge. */
function layOut<Row>(
  all: readonly Cells<Row>[],
  before: readonly (number | null)[],
  { isInteractive, columns }: Terminal,
): (number | null)[] {
  const isFirst = before.length === 0;
  const isShown = (index: number): boolean => isFirst || before[index] !== null;
  const fits = all.map(({ column, width }, index) => ({
    width: Math.max(width, before[index] ?? 0),
    rank: isFirst ? (column.rank ?? 0) : 0,
    canCut: column.rank !== undefined && !alignsRight(column) && !column.isDrawing,
  }));
  const room = isInteractive ? columns : Number.MAX_SAFE_INTEGER;
  const widths = fitColumns(
    fits.filter((_, index) => isShown(index)),
    GAP,
    room,
  );
  return all.map((_, index) => (isShown(index) ? (widths.shift() ?? null) : null));
}

/** A column as it is printed. */
interface ShownColumn {
  texts: readonly string[];
  /** The same with colours. */
  painted: readonly string[];
  isSimple: boolean;
  width: number;
  alignsRight: boolean;
}

function showColumn<Row>(
  { column, texts, isSimple, width: widest }: Cells<Row>,
  width: number,
  rows: readonly Row[],
  hasTotal: boolean,
  terminal: Terminal,
): ShownColumn {
  const cut = widest > width ? texts.map((text) => clip(text, width)) : texts;
  const painted = terminal.hasColor ? paintColumn(column, cut, rows, hasTotal, terminal) : cut;
  return { texts: cut, painted, isSimple, width, alignsRight: alignsRight(column) };
}

/** The title and the total are bold, and a row is what the column says of it. */
function paintColumn<Row>(
  column: Column<Row>,
  texts: readonly string[],
  rows: readonly Row[],
  hasTotal: boolean,
  terminal: Terminal,
): string[] {
  return texts.map((text, index) => {
    const row = rows[index - 1];
    const isBold = index === 0 || (hasTotal && index === rows.length);
    const own = row === undefined ? null : (column.style?.(row) ?? null);
    return text === "" ? "" : paint(terminal, own ?? (isBold ? "bold" : null), text);
  });
}

const SPACES: string[] = [];

function spaces(count: number): string {
  while (SPACES.length <= count) SPACES.push(" ".repeat(SPACES.length));
  return SPACES[Math.max(count, 0)] ?? "";
}

/** By index, into one array that serves each line: a year of days has two hundred thousand cells. */
function linesOf(columns: readonly ShownColumn[], count: number): string[] {
  const lines: string[] = [];
  const pieces: string[] = [];
  for (let at = 0; at < count; at++) {
    let end = 0;
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index] as ShownColumn;
      const text = column.texts[at] ?? "";
      const free = column.width - (column.isSimple ? text.length : Bun.stringWidth(text));
      const gap = index === 0 ? 0 : GAP;
      pieces[end++] = spaces(column.alignsRight ? gap + free : gap);
      pieces[end++] = column.painted[at] ?? "";
      if (!column.alignsRight) pieces[end++] = spaces(free);
    }
    lines.push(pieces.join(""));
  }
  return lines;
}

/** Aligned columns under their titles. Written by hand: a table library took minutes for a year of days. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  terminal: Terminal,
  { total, notes = [], widths = [] }: TableOptions<Row> = {},
): string {
  const all = total === undefined ? rows : [...rows, total];
  const cells = columns
    .filter((column) => terminal.isInteractive || !column.isDrawing)
    .map((column) => cellsOf(column, all));
  const isFirst = widths.length === 0;
  const fitting = layOut(cells, widths, terminal);
  widths.splice(0, widths.length, ...fitting);
  const shown = cells.flatMap((own, index) => {
    const width = fitting[index] ?? null;
    return width === null ? [] : showColumn(own, width, all, total !== undefined, terminal);
  });
  const endsPadded = shown.at(-1)?.alignsRight === false;
  const padded = linesOf(shown, all.length + 1);
  const lines = endsPadded ? padded.map((line) => line.trimEnd()) : padded;
  const sentences = [...notes.map(terminalText), ...(isFirst ? leftOut(cells, fitting) : [])];
  return [...lines, ...sentences.map((text) => wrap(text, terminal))].join("\n");
}

/** Breaks a sentence between words where a terminal ends. */
function wrap(text: string, { isInteractive, columns }: Terminal): string {
  return isInteractive ? Bun.wrapAnsi(text, columns) : text;
}

/** Says what did not fit. */
function leftOut<Row>(cells: readonly Cells<Row>[], widths: readonly (number | null)[]): string[] {
  const titles = cells.flatMap(({ column }, index) =>
    widths[index] === null && !column.isDrawing ? column.title : [],
  );
  const names = [...new Set(titles)].join(", ");
  return names === "" ? [] : [`A wider terminal, or --json, also has ${names}.`];
}

/** What begins a formula in a spreadsheet, in full width too, as some take it. */
const FORMULA = /^[=+\-@\uFF1D\uFF0B\uFF0D\uFF20\uFFFD]/;

/** A text that a spreadsheet would run (CWE-1236) is marked as text; numbers stay numbers. */
function csvCell(value: Value, kind: Column<unknown>["kind"]): string {
  if (value === null) return "";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return kind === "usd" ? decimalUsd(value) : String(value);
  const text = terminalText(value);
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function formatCsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = rows.map((row) =>
    columns.map((column) => csvCell(column.value(row), column.kind)).join(","),
  );
  return [columns.map(({ name }) => csvCell(name, "text")).join(","), ...lines].join("\n");
}

function formatMarkdown<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { total, notes = [] }: TableOptions<Row>,
): string {
  const escaped = (text: string): string => text.replace(/[\\|<>&*_`[\]]/g, "\\$&");
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const all = total === undefined ? rows : [...rows, total];
  const texts = columns.map(textOf);
  return [
    line(columns.map(({ title }) => escaped(terminalText(title)))),
    line(columns.map((column) => (alignsRight(column) ? "---:" : "---"))),
    ...all.map((row) => line(texts.map((toText) => escaped(toText(row))))),
    ...notes.flatMap((note) => ["", escaped(terminalText(note))]),
  ].join("\n");
}

/** `json` is the value that the JSON format shows. */
export function formatRows<Row>(
  format: Format,
  json: unknown,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  terminal: Terminal,
  options: TableOptions<Row> = {},
): string {
  if (format === "json") return safeJson(json);
  if (format === "table") return formatTable(columns, rows, terminal, options);
  const plain = columns.filter((column) => !column.isDrawing);
  if (format === "markdown") return formatMarkdown(plain, rows, options);
  return formatCsv(plain, rows);
}
