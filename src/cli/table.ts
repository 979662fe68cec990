/** Aligned columns under their titles. */
import { Cells, GAP } from "./cells.ts";
import type { Terminal } from "./cli.ts";
import { clip } from "./clip.ts";
import { alignsRight, type Column, cellWriter, type WriteCell } from "./column.ts";
import { fitColumns } from "./fit-columns.ts";
import { paint } from "./style.ts";
import { terminalText } from "./terminal-text.ts";
import type { TextBuffer } from "./text-buffer.ts";

export interface TableOptions<Row> {
  /** Stands below the others. */
  total?: Row;
  /** Sentences beneath. */
  notes?: readonly string[];
  /** How wide the columns came out, null for those that did not fit: for whoever prints more lines. */
  widths?: (number | null)[];
}

/** The titles are the first row. */
function cellsOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Cells {
  const cells = new Cells(rows.length + 1, columns.length);
  const titles = columns.map(
    ({ title }): WriteCell<null> =>
      (out) =>
        out.text(terminalText(title)),
  );
  cells.addRows([null], titles);
  cells.addRows(rows, columns.map(cellWriter));
  return cells;
}

/** How wide each column is to be; null where it is left out. Only a person's terminal has an edge. */
function layOut<Row>(
  columns: readonly Column<Row>[],
  widths: readonly number[],
  before: readonly (number | null)[],
  terminal: Terminal,
): (number | null)[] {
  const isFirst = before.length === 0;
  const isShown = (index: number): boolean => isFirst || before[index] !== null;
  const fits = columns.map((column, index) => ({
    width: Math.max(widths[index] ?? 0, before[index] ?? 0),
    rank: isFirst ? (column.rank ?? 0) : 0,
    canCut: column.rank !== undefined && !alignsRight(column) && !column.isDrawing,
  }));
  const room = terminal.isInteractive ? terminal.columns : Number.MAX_SAFE_INTEGER;
  const fitting = fitColumns(
    fits.filter((_, index) => isShown(index)),
    GAP,
    room,
  );
  return columns.map((_, index) => (isShown(index) ? (fitting.shift() ?? null) : null));
}

/** Where columns got less than they need. */
function cut(cells: Cells, widths: readonly (number | null)[]): Cells {
  const widthOf = (column: number): number => widths[column] ?? Number.MAX_SAFE_INTEGER;
  if (cells.widths.every((width, column) => width <= widthOf(column))) return cells;
  return cells.map((text, _, column) => clip(text, widthOf(column)));
}

/** Titles and the total are bold, and a row is what its columns say of it. */
function paintCells<Row>(
  cells: Cells,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  total: Row | undefined,
  terminal: Terminal,
): Cells {
  if (!terminal.hasColor) return cells;
  return cells.map((text, at, column) => {
    const row = rows[at - 1];
    const own = row === undefined ? null : (columns[column]?.style?.(row) ?? null);
    const isBold = at === 0 || (total !== undefined && at === rows.length);
    return paint(terminal, own ?? (isBold ? "bold" : null), text);
  });
}

/** Written by hand: a table library took minutes for a year of days. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  terminal: Terminal,
  { total, notes = [], widths = [] }: TableOptions<Row> = {},
): TextBuffer {
  const all = total === undefined ? rows : [...rows, total];
  const shown = columns.filter((column) => terminal.isInteractive || !column.isDrawing);
  const cells = cellsOf(shown, all);
  const isFirst = widths.length === 0;
  const fitting = layOut(shown, cells.widths, widths, terminal);
  widths.splice(0, widths.length, ...fitting);
  const painted = paintCells(cut(cells, fitting), shown, all, total, terminal);
  const table = painted.lines(fitting, shown.map(alignsRight));
  const sentences = [...notes.map(terminalText), ...(isFirst ? leftOut(shown, fitting) : [])];
  for (const sentence of sentences) {
    for (const line of linesOf(sentence, terminal)) table.text(`\n${line}`);
  }
  return table;
}

/** Breaks a sentence between words where a terminal ends. */
function linesOf(text: string, { isInteractive, columns }: Terminal): string[] {
  return isInteractive ? Bun.wrapAnsi(text, columns).split("\n") : [text];
}

/** Says what did not fit. */
function leftOut<Row>(
  columns: readonly Column<Row>[],
  widths: readonly (number | null)[],
): string[] {
  const titles = columns.flatMap(({ isDrawing, title }, index) =>
    widths[index] === null && !isDrawing ? title : [],
  );
  const names = [...new Set(titles)].join(", ");
  return names === "" ? [] : [`A wider terminal, or --json, also has ${names}.`];
}
