import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CliError, type Terminal } from "../../src/cli/cli.ts";
import type { Column } from "../../src/cli/column.ts";
import { formatTable } from "../../src/cli/table.ts";
import { terminalText } from "../../src/cli/terminal-text.ts";

const PLAIN: Terminal = { isInteractive: false, hasColor: false, columns: 80 };

type Row = readonly [name: string, count: number, note: string];

const COLUMNS: Column<Row>[] = [
  { title: "name", name: "name", kind: "text", rank: 0, value: ([name]) => name },
  { title: "count", name: "count", kind: "number", rank: 2, value: ([, count]) => count },
  { title: "note", name: "note", kind: "text", rank: 1, value: ([, , note]) => note },
];

function pad(text: string, width: number): string {
  return " ".repeat(width - Bun.stringWidth(text));
}

/** The same, cell by cell. */
function plainTable(rows: readonly Row[]): string {
  const cells = [
    ["name", "count", "note"],
    ...rows.map(([name, count, note]) => [terminalText(name), String(count), terminalText(note)]),
  ];
  const width = (column: number): number =>
    Math.max(...cells.map((row) => Bun.stringWidth(row[column] ?? "")));
  return cells
    .map(([name = "", count = "", note = ""]) =>
      `${name}${pad(name, width(0))}  ${pad(count, width(1))}${count}  ${note}`.replace(/ +$/, ""),
    )
    .join("\n");
}

describe("a table", () => {
  test("aligns names of any characters, and numbers at their right", () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }));
    const row = fc.tuple(text, fc.integer(), text);
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        expect(String(formatTable(COLUMNS, rows, PLAIN))).toBe(plainTable(rows));
      }),
    );
  });

  test("is not made long by one long text at the end of a line", () => {
    const rows = Array.from({ length: 1000 }, (_, at): Row => ["a", at, "short"]);
    rows.push(["b", 0, "x".repeat(1_000_000)]);
    expect(formatTable(COLUMNS, rows, PLAIN).length).toBeLessThan(1_030_000);
  });

  test("that one cell would make too wide says so, and what to do", () => {
    const rows = Array.from(
      { length: 1100 },
      (_, at): Row => [at === 0 ? "x".repeat(1e6) : "a", at, ""],
    );
    expect(() => formatTable(COLUMNS, rows, PLAIN)).toThrow(
      new CliError(
        'As a table this takes 1.03 GiB: each row is as wide as the longest "name", which has 1,000,000 characters. Use --format csv or json.',
      ),
    );
  });

  test("cuts and paints what a narrow terminal shows, and leaves out the rest", () => {
    const terminal: Terminal = { isInteractive: true, hasColor: true, columns: 30 };
    const rows: Row[] = [
      ["日本語", 12, "a note that is too long for it"],
      ["ascii", 3, ""],
    ];
    const columns = COLUMNS.map((column) => ({ ...column, style: () => "red" as const }));
    expect(String(formatTable(columns, rows, terminal)).replaceAll("\u001b", "^")).toBe(
      [
        "^[1mname^[0m    ^[1mnote^[0m",
        "^[31m日本語^[0m  ^[31ma note that is too lo…^[0m",
        "^[31mascii^[0m",
        "A wider terminal, or --json,",
        "also has count.",
      ].join("\n"),
    );
  });
});
