/** The tables and views of a new file, as SQLite tells of them. */
import { Database } from "bun:sqlite";
import { APPLICATION_ID, MIGRATIONS } from "../../src/store/schema.ts";
import { code, GENERATED, markdownTable } from "./markdown.ts";

/** What people read, in the order in which they want to; all others are the file's own affair. */
const PUBLIC: Readonly<Record<string, string>> = {
  executions: "A run: who, where, how it ended, what it used and what it cost.",
  model_usage:
    "What one model used in a run or a call. Sum the rows with `counted = 1`: the others repeat what a counted row holds.",
  run_costs: "Runs, ready for a question about money: see [sql.md](sql.md).",
  daily_costs: "What every day cost, live and purged: see [sql.md](sql.md).",
  spans: "A finished span of any instrumentation, with everything it carried.",
  usage_daily: "What purged days used and cost, kept for good.",
  exporter_health: "What each exporter wrote, and what it dropped and why.",
  forward_destinations: "How far each OTLP destination has got.",
  forward_refusals: "Spans that a destination will not take, and why.",
};

/** Columns that no comment in the schema explains, because an expression makes them. */
const MEANINGS: Readonly<Record<string, string>> = {
  "executions.created_at": "when it ended, UTC, YYYY-MM-DD HH:MM:SS",
  "executions.model": "the model it ran on, or was configured for",
  "executions.duration_ms": "milliseconds",
  "executions.ended_ms": "milliseconds since 1970",
  "executions.trace_no": "the trace's number, in order of arrival",
  "spans.trace_id": "32 hexadecimal digits",
  "spans.span_id": "16 hexadecimal digits",
  "spans.parent_span_id": "NULL: a root",
  "spans.kind": "internal, server, client, producer or consumer",
  "spans.started_at": "UTC, to the millisecond",
  "spans.start_ns": "nanoseconds since 1970",
  "spans.end_ns": "nanoseconds since 1970",
  "spans.status": "unset, ok or error",
  "spans.attributes": "JSON object",
  "spans.events": "JSON array",
  "spans.links": "JSON array",
  "spans.resource": "JSON object: the resource's attributes",
  "model_usage.trace_id": "32 hexadecimal digits",
  "model_usage.span_id": "16 hexadecimal digits",
  "model_usage.created_at": "when the run ended, or the call where there is no run, UTC",
  "model_usage.input_tokens": "uncached input",
  "model_usage.cost_usd": "of cost_nano_usd; NULL: unknown",
  "model_usage.cost_nano_usd": "the reported cost, else the computed one",
  "model_usage.cost_source": "reported, estimated or none",
  "usage_daily.input_tokens": "uncached input",
  "usage_daily.cost_usd": "of cost_nano_usd",
};

interface SchemaRow {
  type: string;
  name: string;
  sql: string;
}

interface ColumnRow {
  name: string;
  type: string;
}

/** A column's comment in what created its table or view. */
function commentOf(sql: string, column: string): string {
  const line = `^(?:\\s*(?:e\\.)?${column}\\b|.*\\bAS ${column}\\b).*?-- (.*)$`;
  return new RegExp(line, "m").exec(sql)?.[1] ?? "";
}

function section(db: Database, row: SchemaRow, sqlOf: (name: string) => string): string {
  const columns = db
    .query<ColumnRow, []>(`SELECT name, type FROM pragma_table_xinfo('${row.name}')`)
    .all();
  const base = row.name === "model_usage" ? sqlOf("usage_rows") : row.sql;
  const rows = columns.map(({ name, type }) => [
    code(name),
    type.toLowerCase(),
    MEANINGS[`${row.name}.${name}`] ?? commentOf(base, name),
  ]);
  return `## ${row.name}

${PUBLIC[row.name]} ${row.type === "view" ? "A view." : "A table."}

${markdownTable(["column", "type", ""], rows)}`;
}

export async function schemaPage(): Promise<string> {
  using db = new Database(":memory:");
  for (const step of MIGRATIONS) db.run(step);
  const all = db
    .query<SchemaRow, []>(
      "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'",
    )
    .all();
  const rowOf = (name: string): SchemaRow => {
    const row = all.find((candidate) => candidate.name === name);
    if (!row) throw new Error(`docs/pages/schema.ts names ${name}, and the schema has none.`);
    return row;
  };
  const sections = Object.keys(PUBLIC).map((name) =>
    section(db, rowOf(name), (of) => rowOf(of).sql),
  );
  const own = all.filter(({ name }) => !(name in PUBLIC)).map(({ name }) => code(name));
  return `${GENERATED}

# The file

\`PRAGMA user_version\` is ${MIGRATIONS.length}, \`PRAGMA application_id\` is ${APPLICATION_ID}. The names on this page are public: later versions
add to them and rename nothing. Money is integer nano-dollars; an unknown cost is NULL, never 0.

${sections.join("\n\n")}

## Not for reading

These tables are the file's own affair and may change in any version: ${own.toSorted().join(", ")}.
`;
}
