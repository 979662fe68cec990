/** What an instrumentation may say differently from the GenAI conventions. */
import { COLUMNS, type Column, type Columns } from "./columns.ts";
import type { ReadSpan } from "./read-span.ts";

export interface Dialect {
  name: string;
  detect(span: ReadSpan): boolean;
  /**
   * The input count leaves out what the cache read or wrote. By default it holds it, as the
   * conventions demand, unless the span itself is proof that it cannot.
   */
  inputExcludesCache?: boolean | ((span: ReadSpan) => boolean);
  /** The output count leaves out reasoning ("thoughts"), which is billed as output. */
  outputExcludesReasoning?: boolean;
  /** Where a span that says nothing of reasoning may leave some out, and so a part of what was billed. */
  mayLackReasoning?(span: ReadSpan): boolean;
  /** Attributes of this dialect alone, tried before the common ones. */
  columns?: Partial<Columns>;
  /** Where it names an operation by other words, or by other means, than the conventions. */
  operations?: OperationNames;
  /** True where the counts on this span are known to be wrong, or better told by another span. */
  ignoresUsageOf?(span: ReadSpan, operation: string | null): boolean;
  /**
   * A wrapper of the Claude Agent SDK that reads the wrong numbers: its counts leave out subagents,
   * and so are a lower bound; its cost is that of the session so far, and so is not read.
   */
  isMainLoopOnly?: boolean;
  /** Our own spans, of which an execution is marked as one: agents within it are parts of it. */
  isOurs?: boolean;
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

export function has(span: ReadSpan, attribute: string): boolean {
  return span.attributes[attribute] !== undefined;
}
