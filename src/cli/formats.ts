/** Rows in the formats that commands print. */
import type { Terminal } from "./cli.ts";
import { alignsRight, type Column, cellWriter, type Value } from "./column.ts";
import { decimalUsd } from "./quantities.ts";
import { formatTable, type TableOptions } from "./table.ts";
import { safeJson, terminalText } from "./terminal-text.ts";
import { type Text, written } from "./text-buffer.ts";

export const FORMATS = ["table", "json", "csv", "markdown"] as const;
export type Format = (typeof FORMATS)[number];

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
  const writers = columns.map(cellWriter);
  return [
    line(columns.map(({ title }) => escaped(terminalText(title)))),
    line(columns.map((column) => (alignsRight(column) ? "---:" : "---"))),
    ...all.map((row) => line(writers.map((write) => escaped(written((out) => write(out, row)))))),
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
): Text {
  if (format === "json") return safeJson(json);
  if (format === "table") return formatTable(columns, rows, terminal, options);
  const plain = columns.filter((column) => !column.isDrawing);
  if (format === "markdown") return formatMarkdown(plain, rows, options);
  return formatCsv(plain, rows);
}
