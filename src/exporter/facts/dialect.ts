/** What an instrumentation may say differently from the GenAI conventions. */
import { COLUMNS, type Column, type Columns } from "./columns.ts";
import type { ReadSpan } from "./read-span.ts";
import type { InputCount } from "./tokens.ts";

export interface Dialect {
  name: string;
  detect(span: ReadSpan): boolean;
  /** @default "proof" */
  input?: InputCount | ((span: ReadSpan) => InputCount);
  /** The output count leaves out reasoning ("thoughts"), which is billed as output. */
  outputExcludesReasoning?: boolean;
  /** Attributes of this dialect alone, tried before the common ones. */
  columns?: Partial<Columns>;
  /** Where it names an operation by other words, or by other means, than the conventions. */
  operations?: OperationNames;
  /** True where the counts on this span are known to be wrong, or better told by another span. */
  ignoresUsageOf?(span: ReadSpan, operation: string | null): boolean;
  /** Its counts run on over a session whose start is not known. */
  isRunningTotal?: boolean;
}

/** Value of an attribute, or name of the span, to operation as the conventions name it. */
export interface OperationNames {
  attributes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  spans?: Readonly<Record<string, string>>;
}

const columnsByDialect = new WeakMap<Dialect, Columns>();

/** The dialect's own names, then the common ones. */
export function columnsOf(dialect: Dialect): Columns {
  const known = columnsByDialect.get(dialect);
  if (known !== undefined) return known;
  const names = Object.keys(COLUMNS) as Column[];
  const columns = Object.fromEntries(
    names.map((column) => [column, [...(dialect.columns?.[column] ?? []), ...COLUMNS[column]]]),
  ) as unknown as Columns;
  columnsByDialect.set(dialect, columns);
  return columns;
}
