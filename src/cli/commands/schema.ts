import type { Command } from "commander";
import { readSchema, type SchemaColumn, type SchemaTable } from "../../report/read-schema.ts";
import { openReader } from "../../store/reader.ts";
import { type Cli, CliError } from "../cli.ts";
import type { Column } from "../column.ts";
import { type Format, formatRows } from "../formats.ts";
import { suggestion } from "../near-miss.ts";
import { addExamples, addFormatOptions, formatOf } from "../options.ts";
import { formatTable } from "../table.ts";

type Row = SchemaColumn & { table: string };

const COLUMNS: readonly Column<Row>[] = [
  { title: "column", name: "column", kind: "text", value: ({ name }) => name },
  {
    title: "type",
    name: "type",
    kind: "text",
    value: ({ type }) => type,
    text: ({ type }) => type,
  },
  {
    ...{ title: "unit", name: "unit", kind: "text" as const, value: (row: Row) => row.unit },
    text: ({ unit }) => unit ?? "",
  },
  {
    ...{ title: "", name: "comment", kind: "text" as const, value: (row: Row) => row.comment },
    text: ({ comment }) => comment ?? "",
  },
];

const TABLE_COLUMN: Column<Row> = {
  title: "table",
  name: "table",
  kind: "text",
  value: ({ table }) => table,
};

function run(cli: Cli, name: string | undefined, format: Format): void {
  using reader = openReader(cli.dbPath());
  const all = readSchema(reader);
  const tables = name === undefined ? all : all.filter((table) => table.name === name);
  if (name !== undefined && tables.length === 0) {
    const names = all.map((table) => table.name);
    throw new CliError(`There is no table or view "${name}". ${suggestion(name, names)}`);
  }
  const rowsOf = (table: SchemaTable): Row[] =>
    table.columns.map((column) => ({ table: table.name, ...column }));
  if (format !== "table") {
    const columns = [TABLE_COLUMN, ...COLUMNS];
    cli.print(formatRows(format, tables, columns, tables.flatMap(rowsOf), cli.terminal));
    return;
  }
  const texts = tables.map(
    (table) =>
      `${table.type} ${table.name}\n\n${formatTable(COLUMNS, rowsOf(table), cli.terminal)}`,
  );
  cli.print(texts.join("\n\n"));
}

export function addSchemaCommand(program: Command, cli: Cli): void {
  const command = program
    .command("schema")
    .description("the tables and views of the file, and their columns with units")
    .argument("[name]", "only this one");
  addFormatOptions(command).action(
    (name: string | undefined, flags: { format: Format; json?: boolean }) => {
      run(cli, name, formatOf(flags));
    },
  );
  addExamples(command, [
    ["spanledger schema", "all of them"],
    ["spanledger schema executions", "what a run has"],
  ]);
}
