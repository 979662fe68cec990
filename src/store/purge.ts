/**
 * Takes the oldest traces out, whole, and adds what they cost to `usage_daily` in the same
 * transaction, so that a report over any past time stays exact.
 */
import type { Database } from "bun:sqlite";

const DAY = (ms: string): string => `strftime('%Y-%m-%d', ${ms} / 1000, 'unixepoch')`;

/** On a day that has the row already, everything adds up. */
const ADD_UP = `ON CONFLICT (day, coalesce(agent_name, ''), coalesce(repo, ''), coalesce(event_type, ''),
    coalesce(provider, ''), coalesce(model, '')) DO UPDATE SET
  runs = runs + excluded.runs,
  failures = failures + excluded.failures,
  model_runs = model_runs + excluded.model_runs,
  input_tokens = input_tokens + excluded.input_tokens,
  cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
  cache_creation_tokens = cache_creation_tokens + excluded.cache_creation_tokens,
  output_tokens = output_tokens + excluded.output_tokens,
  reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
  web_search_requests = web_search_requests + excluded.web_search_requests,
  cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
  estimated_cost_nano_usd = estimated_cost_nano_usd + excluded.estimated_cost_nano_usd,
  unpriced = unpriced + excluded.unpriced,
  duration_ms = duration_ms + excluded.duration_ms`;

const COLUMNS = `day, agent_name, repo, event_type, provider, model, runs, failures, model_runs,
  input_tokens, cache_read_tokens, cache_creation_tokens, output_tokens, reasoning_tokens,
  web_search_requests, cost_nano_usd, estimated_cost_nano_usd, unpriced, duration_ms`;

const KEEP_USAGE = `INSERT INTO usage_daily (${COLUMNS})
SELECT ${DAY("u.ended_ms")}, e.agent_name, e.repo, e.event_type, u.provider, u.model,
  coalesce(sum(u.id = f.first_usage_id), 0),
  coalesce(sum(u.id = f.first_usage_id AND e.conclusion <> 'success'), 0),
  count(DISTINCT e.id),
  sum(coalesce(u.input_tokens, 0)), sum(coalesce(u.cache_read_tokens, 0)),
  sum(coalesce(u.cache_creation_tokens, 0)), sum(coalesce(u.output_tokens, 0)),
  sum(coalesce(u.reasoning_tokens, 0)), sum(coalesce(u.web_search_requests, 0)),
  sum(coalesce(u.cost_nano_usd, 0)),
  sum(iif(u.reported_cost_nano_usd IS NULL, coalesce(u.computed_cost_nano_usd, 0), 0)),
  sum(u.cost_nano_usd IS NULL),
  coalesce(sum(iif(u.id = f.first_usage_id, e.duration_ms, 0)), 0)
FROM purging p
JOIN usage_rows u ON u.trace_no = p.trace_no AND u.counted
LEFT JOIN executions e ON e.id = u.execution_id
LEFT JOIN (SELECT execution_id, min(id) AS first_usage_id FROM purging
    JOIN usage_rows USING (trace_no) WHERE counted GROUP BY 1) f ON f.execution_id = e.id
GROUP BY 1, 2, 3, 4, 5, 6 ${ADD_UP}`;

const KEEP_RUNS_WITHOUT_USAGE = `INSERT INTO usage_daily (${COLUMNS})
SELECT ${DAY("e.ended_ms")}, e.agent_name, e.repo, e.event_type, e.provider, e.model,
  count(*), sum(e.conclusion <> 'success'), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, sum(e.duration_ms)
FROM purging p
JOIN executions e ON e.trace_no = p.trace_no
WHERE NOT EXISTS (SELECT 1 FROM usage_rows u WHERE u.trace_no = p.trace_no AND u.counted
  AND u.execution_id = e.id)
GROUP BY 1, 2, 3, 4, 5, 6 ${ADD_UP}`;

const CHOOSE = `INSERT INTO purging
SELECT id FROM traces WHERE last_seen_ms < ?1 ORDER BY last_seen_ms LIMIT ?2`;

const TABLES = ["span_rows", "usage_rows", "executions", "execution_spans"] as const;

/**
 * Purges up to `maxTraces` traces last seen before `cutoffMs`. Runs inside a transaction of the caller.
 * @returns how many traces went.
 */
export function purgeChunk(db: Database, cutoffMs: number, maxTraces: number): number {
  db.run("CREATE TEMP TABLE IF NOT EXISTS purging (trace_no INTEGER PRIMARY KEY)");
  db.run("DELETE FROM purging");
  const { changes } = db.query(CHOOSE).run(cutoffMs, maxTraces);
  if (changes === 0) return 0;
  db.query(KEEP_USAGE).run();
  db.query(KEEP_RUNS_WITHOUT_USAGE).run();
  for (const table of TABLES) {
    db.run(`DELETE FROM ${table} WHERE trace_no IN (SELECT trace_no FROM purging)`);
  }
  db.run("DELETE FROM traces WHERE id IN (SELECT trace_no FROM purging)");
  return changes;
}
