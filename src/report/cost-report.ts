/**
 * ROW → ANSWER: what was spent, by model, repository, kind of event, agent or day. This folder reads
 * rows through `src/store` and returns typed values; it prints nothing. Costs are integer nano-dollars
 * and an unknown one is null. Purged days come from `usage_daily`, live ones from the rows.
 */
import type { Reader } from "../store/reader.ts";

export const DIMENSIONS = ["model", "provider", "repo", "event", "agent", "day"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export interface CostQuery {
  /** What to group by, in this order; none gives the total alone. @default [] */
  by?: readonly Dimension[];
  /** From this moment on, by when a run ended. @default the beginning */
  since?: Date;
  /** Before this moment. @default no end */
  until?: Date;
}

/** Sums over runs, and over model calls outside any run. Tokens are counts. */
export interface CostSums {
  /** Runs; grouped by model, the runs that used it. */
  runs: number;
  failures: number;
  /** Uncached input. */
  inputTokens: number;
  cacheReadTokens: number;
  cacheCreationTokens: number;
  outputTokens: number;
  /** What is known of the cost, in nano-dollars; null where nothing is. */
  costNanoUsd: number | null;
  /** The same in dollars. */
  costUsd: number | null;
  /** Uses of a model whose cost is unknown, and so missing from the sum. */
  unpriced: number;
}

export interface CostGroup extends CostSums {
  /** The group's value for each dimension; null where it is unknown. */
  key: Partial<Record<Dimension, string | null>>;
}

export interface CostReport {
  by: readonly Dimension[];
  groups: CostGroup[];
  total: CostSums;
  /** Models with a use whose cost is unknown. */
  unpricedModels: string[];
  /** Spans that were lost, by reason. */
  droppedSpans: Record<string, number>;
  /** Where damaged files of this path were set aside: what they hold is not in the sums. */
  setAsideFiles: string[];
}

const DIMENSION_COLUMN: Readonly<Record<Dimension, string>> = {
  model: "model",
  provider: "provider",
  repo: "repo",
  event: "event_type",
  agent: "agent_name",
  day: "day",
};

/**
 * One row a use of a model, and one a run without any, under its configured model; `run` is null outside runs and on purged rows,
 * which carry counts of runs instead. A purged day is one whole: it is in where its start is.
 */
const USES = `
SELECT strftime('%Y-%m-%d', u.ended_ms / 1000, 'unixepoch') AS day, e.agent_name, e.repo, e.event_type,
  u.provider, u.model, e.id AS run, iif(e.conclusion <> 'success', e.id, NULL) AS failed_run,
  0 AS runs, 0 AS failures, 0 AS model_runs, u.input_tokens, u.cache_read_tokens,
  u.cache_creation_tokens, u.output_tokens, u.cost_nano_usd, u.cost_nano_usd IS NULL AS unpriced
FROM usage_rows u LEFT JOIN executions e ON e.id = u.execution_id
WHERE u.counted AND u.ended_ms >= ?1 AND u.ended_ms < ?2
UNION ALL
SELECT strftime('%Y-%m-%d', e.ended_ms / 1000, 'unixepoch'), e.agent_name, e.repo, e.event_type,
  e.provider, e.model, e.id, iif(e.conclusion <> 'success', e.id, NULL), 0, 0, 0, 0, 0, 0, 0, NULL, 0
FROM executions e WHERE e.ended_ms >= ?1 AND e.ended_ms < ?2 AND NOT EXISTS
  (SELECT 1 FROM usage_rows u WHERE u.trace_no = e.trace_no AND u.counted AND u.execution_id = e.id)
UNION ALL
SELECT day, agent_name, repo, event_type, provider, model, NULL, NULL, runs, failures,
  iif(model_runs > 0, model_runs, runs), input_tokens, cache_read_tokens, cache_creation_tokens,
  output_tokens, iif(model_runs = 0 AND cost_nano_usd = 0, NULL, cost_nano_usd), unpriced
FROM usage_daily WHERE day >= ?3 AND day < ?4`;

type SumRow = Record<string, number | string | null>;

function sumsSql(by: readonly Dimension[]): string {
  const keys = by.map((dimension, index) => `${DIMENSION_COLUMN[dimension]} AS k${index}, `);
  const usesModel = by.includes("model") || by.includes("provider");
  return `SELECT ${keys.join("")}
  count(DISTINCT run) + sum(${usesModel ? "model_runs" : "runs"}) AS runs,
  count(DISTINCT failed_run) + sum(failures) AS failures,
  sum(coalesce(input_tokens, 0)) AS input, sum(coalesce(cache_read_tokens, 0)) AS cache_read,
  sum(coalesce(cache_creation_tokens, 0)) AS cache_creation,
  sum(coalesce(output_tokens, 0)) AS output, sum(cost_nano_usd) AS cost, sum(unpriced) AS unpriced
FROM (${USES})
GROUP BY ${by.length === 0 ? "'total'" : by.map((_, index) => index + 1).join(", ")}
ORDER BY cost DESC NULLS LAST, runs DESC`;
}

const UNPRICED_MODELS = `SELECT DISTINCT coalesce(model, '?') AS model FROM (${USES})
WHERE unpriced > 0 ORDER BY 1`;

const DROPPED_SPANS = `SELECT reason, sum(spans) AS spans FROM exporter_health
WHERE outcome = 'dropped' GROUP BY reason ORDER BY reason`;

const SET_ASIDE_FILES = `SELECT reason AS file FROM exporter_health
WHERE outcome = 'set_aside' ORDER BY first_at, reason`;

const LAST_MS = Date.UTC(9999, 11, 31);

function bounds({ since, until }: CostQuery): [number, number, string, string] {
  const sinceMs = since?.getTime() ?? 0;
  const untilMs = until?.getTime() ?? LAST_MS;
  if (Number.isNaN(sinceMs) || Number.isNaN(untilMs)) {
    throw new RangeError("costReport: since and until must be valid dates.");
  }
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  return [sinceMs, untilMs, day(sinceMs + 86_399_999), day(untilMs + 86_399_999)];
}

const NOTHING: SumRow = { runs: 0, failures: 0, input: 0, cost: null, unpriced: 0 };

function sums(row: SumRow): CostSums {
  const count = (name: string): number => Number(row[name] ?? 0);
  const costNanoUsd = row["cost"] === null ? null : count("cost");
  return {
    runs: count("runs"),
    failures: count("failures"),
    inputTokens: count("input"),
    cacheReadTokens: count("cache_read"),
    cacheCreationTokens: count("cache_creation"),
    outputTokens: count("output"),
    costNanoUsd,
    costUsd: costNanoUsd === null ? null : costNanoUsd / 1e9,
    unpriced: count("unpriced"),
  };
}

/**
 * What was spent, grouped, dearest first, with a total.
 * @throws {RangeError} for a dimension that does not exist, or an invalid date.
 */
export function costReport(reader: Reader, query: CostQuery = {}): CostReport {
  const by = query.by ?? [];
  for (const name of by) {
    if (DIMENSIONS.includes(name)) continue;
    throw new RangeError(`costReport: cannot group by "${name}"; use ${DIMENSIONS.join(", ")}.`);
  }
  const range = bounds(query);
  return reader.snapshot(() => {
    const rows = reader.all<SumRow>(sumsSql(by), ...range);
    const [total] = by.length === 0 ? rows : reader.all<SumRow>(sumsSql([]), ...range);
    const models = reader.all<{ model: string }>(UNPRICED_MODELS, ...range);
    const drops = reader.all<{ reason: string; spans: number }>(DROPPED_SPANS);
    const setAside = reader.all<{ file: string }>(SET_ASIDE_FILES);
    const key = (row: SumRow): CostGroup["key"] =>
      Object.fromEntries(by.map((dimension, index) => [dimension, row[`k${index}`] ?? null]));
    return {
      by,
      groups: rows.map((row) => ({ key: key(row), ...sums(row) })),
      total: sums(total ?? NOTHING),
      unpricedModels: models.map(({ model }) => model),
      droppedSpans: Object.fromEntries(drops.map(({ reason, spans }) => [reason, spans])),
      setAsideFiles: setAside.map(({ file }) => file),
    };
  });
}
