import type { Reader } from "../store/reader.ts";

/** A table or view of the file. */
export interface SchemaTable {
  name: string;
  type: "table" | "view";
  columns: SchemaColumn[];
}

export interface SchemaColumn {
  name: string;
  /** SQLite's type; empty where a view computes it. */
  type: string;
  /** What the value counts, as its name says; null where it counts nothing. */
  unit: string | null;
  /** What the schema's author says of it; null where the name says it all. */
  comment: string | null;
}

/** Longest first: the unit stands last in a column's name. */
const UNITS: readonly [suffix: string, unit: string][] = [
  ["_nano_usd", "nano-dollars"],
  ["_usd", "US dollars"],
  ["_tokens", "tokens"],
  ["_share", "0 to 1"],
  ["ended_ms", "ms since 1970"],
  ["_seen_ms", "ms since 1970"],
  ["_ms", "milliseconds"],
  ["start_ns", "ns since 1970"],
  ["end_ns", "ns since 1970"],
  ["_ns", "nanoseconds"],
  ["created_at", "UTC text"],
  ["_at", "UTC text"],
];

function unitOf(column: string): string | null {
  return UNITS.find(([suffix]) => column.endsWith(suffix))?.[1] ?? null;
}

/** Comments of the schema's own text: what stands behind `--` on the line that ends with the column. */
function commentsOf(sql: string): Map<string, string> {
  const comments = new Map<string, string>();
  for (const line of sql.split("\n")) {
    const [, code = "", comment] = /^(.*?)\s*--\s*(.+)$/.exec(line) ?? [];
    if (comment === undefined) continue;
    const alias = /\bAS (\w+),?\s*$/i.exec(code)?.[1];
    const name = alias ?? /^\s*(?:\w+\.)?(\w+)/.exec(code)?.[1];
    if (name !== undefined) comments.set(name, comment.trim());
  }
  return comments;
}

const TABLES = `SELECT name, type, sql FROM sqlite_schema
WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type DESC, name`;

const COLUMNS = "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1";

/** The tables and views of the file, views first, as the file itself tells of them. */
export function readSchema(reader: Reader): SchemaTable[] {
  return reader.snapshot(() =>
    reader
      .all<{ name: string; type: SchemaTable["type"]; sql: string }>(TABLES)
      .map(({ name, type, sql }) => {
        const comments = commentsOf(sql);
        const columns = reader.all<{ name: string; type: string }>(COLUMNS, name).map((column) => ({
          ...column,
          unit: unitOf(column.name),
          comment: comments.get(column.name) ?? null,
        }));
        return { name, type, columns };
      }),
  );
}
