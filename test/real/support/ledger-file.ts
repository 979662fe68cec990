/** The database as anyone may read it: its public views, through SQLite, read-only. */
import { Database } from "bun:sqlite";
import type { Totals } from "./truth.ts";

export interface ExecutionRow {
  trace_id: string;
  agent_name: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  cache_read_tokens: number | null;
  cache_creation_tokens: number | null;
  cost_nano_usd: number | null;
  cost_source: string;
  conclusion: string;
  error_type: string | null;
  model: string | null;
  session_id: string | null;
  usage_quality: string;
}

export interface UsageRow {
  trace_id: string;
  model: string | null;
  scope: string;
  quality: string;
  response_id: string | null;
  counted: number;
  output_tokens: number | null;
  cost_nano_usd: number | null;
}

export interface SpanRow {
  trace_id: string;
  span_id: string;
  parent_span_id: string | null;
  name: string;
  kind: string;
  status: string;
  scope_name: string;
  attributes: Record<string, unknown>;
  events: { name: string; attributes?: Record<string, unknown> }[];
}

export interface LedgerFile {
  executions: ExecutionRow[];
  usage: UsageRow[];
  spans: SpanRow[];
  /** The counted usage of the whole file. */
  totals: Totals;
}

const TOTALS = `SELECT
  coalesce(sum(input_tokens), 0) AS input,
  coalesce(sum(output_tokens), 0) AS output,
  coalesce(sum(cache_read_tokens), 0) AS cacheRead,
  coalesce(sum(cache_creation_tokens), 0) AS cacheCreation,
  coalesce(sum(cache_creation_5m_tokens), 0) AS cacheCreation5m,
  coalesce(sum(cache_creation_1h_tokens), 0) AS cacheCreation1h,
  coalesce(sum(cost_nano_usd), 0) AS costNanoUsd
FROM model_usage WHERE counted`;

export function readLedgerFile(path: string): LedgerFile {
  using db = new Database(path, { readonly: true });
  const all = <Row>(sql: string): Row[] => db.query(sql).all() as Row[];
  return {
    executions: all("SELECT * FROM executions ORDER BY id"),
    usage: all("SELECT * FROM model_usage ORDER BY id"),
    spans: all<Record<string, string>>("SELECT * FROM spans ORDER BY start_ns, id").map(
      (row) =>
        ({
          ...row,
          attributes: JSON.parse(row["attributes"] ?? "{}"),
          events: JSON.parse(row["events"] ?? "[]"),
        }) as unknown as SpanRow,
    ),
    totals: all<Totals>(TOTALS)[0] as Totals,
  };
}

/** The spans as an indented tree, siblings by start; a parent outside the file makes a root. */
export function treeOf(spans: readonly SpanRow[]): string {
  const ids = new Set(spans.map((span) => span.span_id));
  const lines: string[] = [];
  const visit = (parentId: string | null, depth: number): void => {
    for (const span of spans) {
      const parent = ids.has(span.parent_span_id ?? "") ? span.parent_span_id : null;
      if (parent !== parentId) continue;
      const status = span.status === "error" ? " !" : "";
      lines.push(`${"  ".repeat(depth)}${span.name} (${span.kind})${status}`);
      visit(span.span_id, depth + 1);
    }
  };
  visit(null, 0);
  return lines.join("\n");
}
