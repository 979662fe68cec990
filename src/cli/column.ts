/**
 * A column says what its values are, and every format writes them its own way: people get `$1.2345` and
 * `3.2 s`, a spreadsheet gets `1.2345` and `3200`.
 */
import { writeCount, writeDuration, writeShare, writeUsd } from "./quantities.ts";
import type { Style } from "./style.ts";
import { terminalText } from "./terminal-text.ts";
import { TextBuffer } from "./text-buffer.ts";

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
  /** Whether its value is only the known part of a whole. */
  isLowerBound?: (row: Row) => boolean;
  style?: (row: Row) => Style | null;
  /** Only where a person reads. */
  isDrawing?: boolean;
  /**
   * Where a terminal is too narrow for all, columns go by this, the highest first, and text that has it
   * is cut; 0 stays. @default stays, and whole
   */
  rank?: number;
}

export type WriteCell<Row> = (out: TextBuffer, row: Row) => void;

const WRITERS: Readonly<Record<Column<unknown>["kind"], WriteCell<number | null>>> = {
  text: (out, value) => out.text(value === null ? "-" : String(value)),
  count: writeCount,
  usd: writeUsd,
  share: writeShare,
  ms: writeDuration,
  number: (out, value) => out.text(value === null ? "" : String(value)),
};

const AT_LEAST = new TextBuffer().text("≥ ");

/** What writes a column's cells as people read them. Only text is hostile: the words of quantities are our own. */
export function cellWriter<Row>({ kind, text, value, isLowerBound }: Column<Row>): WriteCell<Row> {
  if (text) return (out, row) => out.text(kind === "text" ? terminalText(text(row)) : text(row));
  const write = WRITERS[kind];
  return (out, row) => {
    const own = value(row);
    if (own !== null && isLowerBound?.(row)) out.append(AT_LEAST);
    if (typeof own === "number" || own === null) write(out, own);
    else out.text(typeof own === "string" ? terminalText(own) : String(own));
  };
}

export function alignsRight<Row>(column: Column<Row>): boolean {
  return column.kind !== "text" && column.isDrawing !== true;
}
