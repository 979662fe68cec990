import type { Command } from "commander";
import { openReader, type QueryResult, SqlError } from "../../store/reader.ts";
import { type Cli, CliError } from "../cli.ts";
import type { Column, Value } from "../column.ts";
import { type Format, formatRows } from "../formats.ts";
import { addExamples, addFormatOptions, formatOf } from "../options.ts";
import type { Text } from "../text-buffer.ts";

type Row = QueryResult["rows"][number];
type Cell = Row[number];

function toValue(cell: Cell | undefined): Value {
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString("hex");
  return cell ?? null;
}

/** Column titles need not differ, so a row of JSON says the same name again with a number. */
function distinct(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  });
}

/** Not yet among TypeScript's types: a number in JSON with all of its digits. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

function toJson(cell: Cell | undefined): unknown {
  const value = toValue(cell);
  return typeof value === "bigint" ? rawJSON(value.toString()) : value;
}

function formatResult({ columns, rows }: QueryResult, format: Format, cli: Cli): Text {
  const names = distinct(columns);
  const shown: Column<Row>[] = names.map((name, index) => {
    const isText = rows.some((row) => ["string", "object"].includes(typeof (row[index] ?? 0)));
    const value = (row: Row): Value => toValue(row[index]);
    return { title: columns[index] ?? name, name, kind: isText ? "text" : "number", value };
  });
  const json = rows.map((row) => {
    const entries = names.map((name, index) => [name, toJson(row[index])] as const);
    return Object.fromEntries(entries);
  });
  return formatRows(format, json, shown, rows, cli.terminal);
}

function run(cli: Cli, sql: string, format: Format): void {
  using reader = openReader(cli.dbPath());
  try {
    const result = reader.query(sql);
    const isEmpty = result.rows.length === 0 && format === "table";
    cli.print(isEmpty ? "No rows." : formatResult(result, format, cli));
  } catch (error) {
    if (error instanceof SqlError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

export function addSqlCommand(program: Command, cli: Cli): void {
  const command = program
    .command("sql")
    .description("your own query, read-only; spanledger schema shows what there is")
    .argument("<query>", "one SELECT, in quotes");
  addFormatOptions(command).action((sql: string, flags: { format: Format; json?: boolean }) => {
    run(cli, sql, formatOf(flags));
  });
  addExamples(command, [
    ['spanledger sql "select repo, cost_usd from executions limit 5"', "five runs"],
    ['spanledger sql "select * from daily_costs" --format csv', "all days, for a spreadsheet"],
  ]);
}
