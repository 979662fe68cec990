/** Aligned columns under their titles. */
import { CliError, type Terminal } from "./cli.ts";
import { clip } from "./clip.ts";
import { alignsRight, type Column, cellWriter, type WriteCell } from "./column.ts";
import { fitColumns } from "./fit-columns.ts";
import { formatBytes, formatCount } from "./quantities.ts";
import { paint } from "./style.ts";
import { terminalText } from "./terminal-text.ts";
import { TextBuffer } from "./text-buffer.ts";

export interface TableOptions<Row> {
  /** Stands below the others. */
  total?: Row;
  /** Sentences beneath. */
  notes?: readonly string[];
  /** How wide the columns came out, null for those that did not fit: for whoever prints more lines. */
  widths?: (number | null)[];
}

/** Between two columns. */
const GAP = 2;
/** A cell of a wide column makes each row as wide. */
const MAX_BYTES = 1024 ** 3;
const NEW_LINE = 10;
const SPACE = 32;

/** The cells of a table, row after row, because what is in a row lies together in memory. */
class Cells {
  readonly text: TextBuffer = new TextBuffer();
  /** Of each column, as wide as its widest cell. */
  readonly widths: number[];
  readonly #rows: number;
  /** Where each cell ends. */
  readonly #ends: Uint32Array;
  /** How many columns of a terminal each cell takes. */
  readonly #widths: Uint32Array;
  /** Of cells so far. */
  #count = 0;

  constructor(rows: number, columns: number) {
    this.widths = new Array<number>(columns).fill(0);
    this.#rows = rows;
    this.#ends = new Uint32Array(rows * columns);
    this.#widths = new Uint32Array(rows * columns);
  }

  /** A cell of each row is what the writer of its column makes of it. */
  addRows<Row>(rows: readonly Row[], writers: readonly WriteCell<Row>[]): void {
    const { text, widths } = this;
    let before = text.columns;
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] as Row;
      for (let column = 0; column < writers.length; column++) {
        (writers[column] as WriteCell<Row>)(text, row);
        const after = text.columns;
        const width = after - before;
        before = after;
        this.#ends[this.#count] = text.length;
        this.#widths[this.#count++] = width;
        if (width > (widths[column] as number)) widths[column] = width;
      }
    }
  }

  #textAt(row: number, column: number): string {
    const at = row * this.widths.length + column;
    return this.text.slice(this.#ends[at - 1] ?? 0, this.#ends[at] ?? 0);
  }

  /** The same with other texts. */
  map(change: (text: string, row: number, column: number) => string): Cells {
    const changed = new Cells(this.#rows, this.widths.length);
    const writers = this.widths.map((_, column): WriteCell<number> => {
      return (out, row) => out.text(change(this.#textAt(row, column), row, column));
    });
    changed.addRows(
      Array.from({ length: this.#rows }, (_, row) => row),
      writers,
    );
    return changed;
  }

  /** A line for each row, with columns of these widths; null leaves one out. */
  lines(widths: readonly (number | null)[], alignRight: readonly boolean[]): TextBuffer {
    const last = widths.findLastIndex((width) => width !== null);
    // Text in the last column ends its line: one that is very long makes no other longer.
    const padded = widths.map((width, column) =>
      column === last && !alignRight[column] ? 0 : width,
    );
    const spaces = padded.reduce<number>((sum, width) => sum + GAP + (width ?? 0), 0);
    const size = this.#rows * spaces + this.text.length;
    if (size > MAX_BYTES) {
      const widest = formatCount(Math.max(...this.widths));
      throw new CliError(
        `As a table this takes ${formatBytes(size)}: its widest cell has ${widest} characters, and each row gets as many. Use --format csv or json.`,
      );
    }
    const lines = Buffer.alloc(size, " ");
    const source = this.text.bytes;
    let length = 0;
    let at = 0;
    let start = 0;
    for (let row = 0; row < this.#rows; row++) {
      if (row > 0) lines[length++] = NEW_LINE;
      let gap = 0;
      for (let column = 0; column < widths.length; column++) {
        const end = this.#ends[at] as number;
        const own = this.#widths[at++] as number;
        const width = padded[column] as number | null;
        if (width !== null) {
          const free = Math.max(width - own, 0);
          length += alignRight[column] ? gap + free : gap;
          for (let from = start; from < end; from++) lines[length++] = source[from] as number;
          if (!alignRight[column]) length += free;
          gap = GAP;
        }
        start = end;
      }
      while (length > 0 && lines[length - 1] === SPACE) length -= 1;
    }
    return new TextBuffer(lines, length);
  }
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
