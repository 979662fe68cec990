/** The texts of a table, row after row, because what is in a row lies together in memory; and their lines. */
import { CliError } from "./cli.ts";
import type { WriteCell } from "./column.ts";
import { formatBytes, formatCount } from "./quantities.ts";
import { TextBuffer } from "./text-buffer.ts";

/** Between two columns. */
export const GAP = 2;
/** A cell of a wide column makes each row as wide. */
const MAX_BYTES = 1024 ** 3;
/** As many as a quantity has: the texts of a long table seldom outgrow it, and what is not written to takes no memory. */
const CELL_BYTES = 8;
const NEW_LINE = 10;
const SPACE = 32;

export class Cells {
  readonly text: TextBuffer;
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
    this.text = new TextBuffer(Buffer.allocUnsafeSlow(CELL_BYTES * rows * columns));
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
      const widest = Math.max(...padded.map(Number));
      const title = this.#textAt(0, padded.indexOf(widest));
      throw new CliError(
        `As a table this takes ${formatBytes(size)}: each row is as wide as the longest "${title}", which has ${formatCount(widest)} characters. Use --format csv or json.`,
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
