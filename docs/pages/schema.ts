/** The tables and views of a new file, as SQLite tells of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSchema, type SchemaTable } from "../../src/report/read-schema.ts";
import { openDatabase } from "../../src/store/database.ts";
import { openReader } from "../../src/store/reader.ts";
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
  "executions.created_at": "when it ended, YYYY-MM-DD HH:MM:SS",
  "executions.model": "the model it ran on, or was configured for",
  "executions.trace_no": "the trace's number, in order of arrival",
  "spans.trace_id": "32 hexadecimal digits",
  "spans.span_id": "16 hexadecimal digits",
  "spans.parent_span_id": "NULL: a root",
  "spans.kind": "internal, server, client, producer or consumer",
  "spans.started_at": "to the millisecond",
  "spans.status": "unset, ok or error",
  "spans.attributes": "JSON object",
  "spans.events": "JSON array",
  "spans.links": "JSON array",
  "spans.resource": "JSON object: the resource's attributes",
  "model_usage.trace_id": "32 hexadecimal digits",
  "model_usage.span_id": "16 hexadecimal digits",
  "model_usage.created_at": "when the run ended, or the call where there is no run",
  "model_usage.input_tokens": "uncached input",
  "model_usage.cost_usd": "of cost_nano_usd; NULL: unknown",
  "model_usage.cost_nano_usd": "the reported cost, else the computed one",
  "model_usage.cost_source": "reported, estimated or none",
  "usage_daily.input_tokens": "uncached input",
  "usage_daily.cost_usd": "of cost_nano_usd",
};

/** A new file's schema, as `spanledger schema` reads it. */
function schemaOfNewFile(): SchemaTable[] {
  const directory = mkdtempSync(join(tmpdir(), "spanledger-docs-"));
  try {
    const path = join(directory, "t.db");
    openDatabase(path, 0).close(true);
    using reader = openReader(path);
    return readSchema(reader);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function section(table: SchemaTable, base: SchemaTable | undefined): string {
  const commentOf = (name: string): string =>
    base?.columns.find((column) => column.name === name)?.comment ?? "";
  const rows = table.columns.map(({ name, type, unit, comment }) => [
    code(name),
    type.toLowerCase(),
    unit ?? "",
    MEANINGS[`${table.name}.${name}`] ?? comment ?? commentOf(name),
  ]);
  return `## ${table.name}

${PUBLIC[table.name]} A ${table.type}.

${markdownTable(["column", "type", "unit", ""], rows)}`;
}

export async function schemaPage(): Promise<string> {
  const tables = schemaOfNewFile();
  const named = (name: string): SchemaTable => {
    const table = tables.find((candidate) => candidate.name === name);
    if (!table) throw new Error(`docs/pages/schema.ts names ${name}, and the schema has none.`);
    return table;
  };
  // The view shows this table's columns, and its comments stand there.
  const sections = Object.keys(PUBLIC).map((name) =>
    section(named(name), name === "model_usage" ? named("usage_rows") : undefined),
  );
  const own = tables.filter(({ name }) => !(name in PUBLIC)).map(({ name }) => code(name));
  return `${GENERATED}

# The file

\`PRAGMA user_version\` is ${MIGRATIONS.length}, \`PRAGMA application_id\` is ${APPLICATION_ID}. The names on this page are public: later versions
add to them and rename nothing. Money is integer nano-dollars; an unknown cost is NULL, never 0.

${sections.join("\n\n")}

## Not for reading

These tables are the file's own affair and may change in any version: ${own.toSorted().join(", ")}.
`;
}
