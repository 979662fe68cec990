/**
 * `usage_daily` holds what purged traces cost, added up in the transaction that purges them, so that a
 * report over any past time stays exact. What is added can be taken out again: see purged-traces.ts.
 */
import type { Database, Statement } from "bun:sqlite";

const DAY = (ms: string): string => `strftime('%Y-%m-%d', ${ms} / 1000, 'unixepoch')`;

/** On a day that has the row already, everything adds up. */
const ADD_UP = `ON CONFLICT (day, coalesce(agent_name, ''), coalesce(repo, ''), coalesce(event_type, ''),
    coalesce(provider, ''), coalesce(model, '')) DO UPDATE SET
  runs = runs + excluded.runs,
  failures = failures + excluded.failures,
  model_runs = model_runs + excluded.model_runs,
  model_failures = model_failures + excluded.model_failures,
  provider_runs = provider_runs + excluded.provider_runs,
  provider_failures = provider_failures + excluded.provider_failures,
  input_tokens = input_tokens + excluded.input_tokens,
  cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
  cache_creation_tokens = cache_creation_tokens + excluded.cache_creation_tokens,
  output_tokens = output_tokens + excluded.output_tokens,
  reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
  web_search_requests = web_search_requests + excluded.web_search_requests,
  cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
  estimated_cost_nano_usd = estimated_cost_nano_usd + excluded.estimated_cost_nano_usd,
  uses = uses + excluded.uses,
  unpriced = unpriced + excluded.unpriced,
  duration_ms = duration_ms + excluded.duration_ms`;

const COLUMNS = `day, agent_name, repo, event_type, provider, model, runs, failures, model_runs,
  model_failures, provider_runs, provider_failures, input_tokens, cache_read_tokens, cache_creation_tokens, output_tokens, reasoning_tokens,
  web_search_requests, cost_nano_usd, estimated_cost_nano_usd, uses, unpriced, duration_ms`;

/** `?1` is a JSON array of trace numbers; `?2` is 1 to add what they cost, -1 to take it out. */
const COUNT_USAGE = `INSERT INTO usage_daily (${COLUMNS})
SELECT ${DAY("u.ended_ms")}, e.agent_name, e.repo, e.event_type, u.provider, u.model,
  ?2 * coalesce(sum(u.id = f.first_usage_id), 0),
  ?2 * coalesce(sum(u.id = f.first_usage_id AND e.conclusion <> 'success'), 0),
  ?2 * count(DISTINCT e.id),
  ?2 * count(DISTINCT iif(e.conclusion <> 'success', e.id, NULL)),
  ?2 * coalesce(sum(u.id = f.first_of_provider_id), 0),
  ?2 * coalesce(sum(u.id = f.first_of_provider_id AND e.conclusion <> 'success'), 0),
  ?2 * sum(coalesce(u.input_tokens, 0)), ?2 * sum(coalesce(u.cache_read_tokens, 0)),
  ?2 * sum(coalesce(u.cache_creation_tokens, 0)), ?2 * sum(coalesce(u.output_tokens, 0)),
  ?2 * sum(coalesce(u.reasoning_tokens, 0)), ?2 * sum(coalesce(u.web_search_requests, 0)),
  ?2 * sum(coalesce(u.cost_nano_usd, 0)),
  ?2 * sum(iif(u.reported_cost_nano_usd IS NULL, coalesce(u.computed_cost_nano_usd, 0), 0)),
  ?2 * count(*), ?2 * sum(u.cost_nano_usd IS NULL),
  ?2 * coalesce(sum(iif(u.id = f.first_usage_id, e.duration_ms, 0)), 0)
FROM json_each(?1) p
CROSS JOIN usage_rows u ON u.trace_no = p.value AND u.counted
LEFT JOIN executions e ON e.id = u.execution_id
LEFT JOIN (SELECT o.execution_id, o.provider, min(o.id) AS first_of_provider_id,
      min(min(o.id)) OVER (PARTITION BY o.execution_id) AS first_usage_id
    FROM json_each(?1) q CROSS JOIN usage_rows o ON o.trace_no = q.value
    WHERE o.counted GROUP BY o.execution_id, o.provider) f
  ON f.execution_id = e.id AND f.provider IS u.provider
GROUP BY 1, 2, 3, 4, 5, 6 ${ADD_UP}`;

const COUNT_RUNS_WITHOUT_USAGE = `INSERT INTO usage_daily (${COLUMNS})
SELECT ${DAY("e.ended_ms")}, e.agent_name, e.repo, e.event_type, e.provider, e.model,
  ?2 * count(*), ?2 * sum(e.conclusion <> 'success'), ?2 * count(*),
  ?2 * sum(e.conclusion <> 'success'), ?2 * count(*), ?2 * sum(e.conclusion <> 'success'),
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  ?2 * sum(e.duration_ms)
FROM json_each(?1) p
CROSS JOIN executions e ON e.trace_no = p.value
WHERE NOT EXISTS (SELECT 1 FROM usage_rows u WHERE u.trace_no = e.trace_no AND u.counted
  AND u.execution_id = e.id)
GROUP BY 1, 2, 3, 4, 5, 6 ${ADD_UP}`;

const DELETE_EMPTY = `DELETE FROM usage_daily WHERE runs = 0 AND failures = 0 AND model_runs = 0
  AND input_tokens = 0 AND cache_read_tokens = 0 AND cache_creation_tokens = 0 AND output_tokens = 0
  AND reasoning_tokens = 0 AND web_search_requests = 0 AND cost_nano_usd = 0
  AND estimated_cost_nano_usd = 0 AND uses = 0 AND unpriced = 0 AND duration_ms = 0`;

/** Both methods belong into the transaction that deletes, or brings back, the rows of the traces. */
export class UsageDaily {
  readonly #countUsage: Statement<unknown, [string, number]>;
  readonly #countRuns: Statement<unknown, [string, number]>;
  readonly #deleteEmpty: Statement<unknown, []>;

  constructor(db: Database) {
    this.#countUsage = db.prepare(COUNT_USAGE);
    this.#countRuns = db.prepare(COUNT_RUNS_WITHOUT_USAGE);
    this.#deleteEmpty = db.prepare(DELETE_EMPTY);
  }

  /** Adds what the traces stand for in `usage_rows` and `executions`. */
  add(traceNos: readonly number[]): void {
    this.#count(traceNos, 1);
  }

  /** Takes out again what the rows of one trace, brought back as they were, once added. */
  takeOut(traceNo: number): void {
    this.#count([traceNo], -1);
    this.#deleteEmpty.run();
  }

  #count(traceNos: readonly number[], sign: 1 | -1): void {
    const list = JSON.stringify(traceNos);
    this.#countUsage.run(list, sign);
    this.#countRuns.run(list, sign);
  }
}
