/**
 * The file's schema as a ladder of migrations. `PRAGMA user_version` is the number of steps taken.
 * Names are public API: a step adds, and never renames or removes.
 *
 * Why `spans` and `model_usage` are views: the rows beneath keep what repeats (names, attribute keys,
 * scopes, resources, trace ids) once, and number the traces in order of arrival, so that every index
 * grows at its end although trace ids are random. Read the views; the `*_rows` tables may change.
 */

/** "SpLg" in ASCII: marks the file as ours, so that no other SQLite file is ever written to. */
export const APPLICATION_ID = 0x53704c67;

const TRACES = `
CREATE TABLE traces (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- trace_no: order of arrival, never given twice
  trace_id BLOB NOT NULL UNIQUE,     -- 16 bytes
  last_seen_ms INTEGER NOT NULL,     -- when its latest span ended, or was written if its clock ran ahead
  spans INTEGER NOT NULL,            -- also tells a writer that another one has added to the trace
  settles INTEGER NOT NULL           -- 1 once a span has usage or an execution: the trace is settled
) STRICT;
CREATE INDEX traces_by_last_seen ON traces (last_seen_ms);`;

const SPANS = `
CREATE TABLE resources (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE scopes (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE span_shapes (
  id INTEGER PRIMARY KEY,
  resource_id INTEGER NOT NULL REFERENCES resources (id),
  scope_id INTEGER NOT NULL REFERENCES scopes (id),
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  attribute_keys TEXT NOT NULL,
  UNIQUE (attribute_keys, name, kind, scope_id, resource_id)
) STRICT;
CREATE TABLE span_rows (
  id INTEGER PRIMARY KEY,
  trace_no INTEGER NOT NULL REFERENCES traces (id),
  span_id BLOB NOT NULL,
  parent_span_id BLOB,
  shape_id INTEGER NOT NULL REFERENCES span_shapes (id),
  start_ns INTEGER NOT NULL,
  duration_ns INTEGER NOT NULL,
  status_code INTEGER NOT NULL,
  attribute_values TEXT NOT NULL,
  detail TEXT
) STRICT;
CREATE UNIQUE INDEX span_rows_key ON span_rows (trace_no, span_id);
CREATE VIEW spans AS SELECT
  s.id,
  lower(hex(t.trace_id)) AS trace_id,
  lower(hex(s.span_id)) AS span_id,
  nullif(lower(hex(s.parent_span_id)), '') AS parent_span_id,
  coalesce(s.detail ->> 'name', h.name) AS name,
  CASE h.kind WHEN 0 THEN 'internal' WHEN 1 THEN 'server' WHEN 2 THEN 'client'
    WHEN 3 THEN 'producer' ELSE 'consumer' END AS kind,
  strftime('%Y-%m-%d %H:%M:%f', s.start_ns / 1000000 / 1000.0, 'unixepoch') AS started_at,
  s.start_ns,
  s.start_ns + s.duration_ns AS end_ns,
  s.duration_ns / 1e6 AS duration_ms,
  CASE s.status_code WHEN 0 THEN 'unset' WHEN 1 THEN 'ok' ELSE 'error' END AS status,
  s.detail ->> 'statusMessage' AS status_message,
  (SELECT json_group_object(k.value, json(s.attribute_values -> k.key))
    FROM json_each(coalesce(s.detail -> 'keys', h.attribute_keys)) k) AS attributes,
  coalesce(s.detail -> 'events', '[]') AS events,
  coalesce(s.detail -> 'links', '[]') AS links,
  c.body ->> 'name' AS scope_name,
  c.body ->> 'version' AS scope_version,
  r.body -> 'attributes' AS resource
FROM span_rows s
JOIN traces t ON t.id = s.trace_no
JOIN span_shapes h ON h.id = s.shape_id
JOIN scopes c ON c.id = h.scope_id
JOIN resources r ON r.id = h.resource_id;`;

const EXECUTIONS = `
CREATE TABLE executions (
  id INTEGER PRIMARY KEY,
  trace_id TEXT NOT NULL,
  span_id TEXT NOT NULL,
  created_at TEXT GENERATED ALWAYS AS
    (strftime('%Y-%m-%d %H:%M:%S', ended_ms / 1000, 'unixepoch')) VIRTUAL, -- when it ended, UTC
  delivery_id TEXT,
  repo TEXT,
  pr_number INTEGER,
  event_type TEXT,
  provider TEXT,
  model TEXT,
  input_tokens INTEGER,              -- uncached input
  output_tokens INTEGER,
  cache_read_tokens INTEGER,
  cache_creation_tokens INTEGER,
  duration_ms INTEGER NOT NULL,
  cost_usd REAL GENERATED ALWAYS AS (cost_nano_usd / 1e9) VIRTUAL, -- NULL: unknown
  conclusion TEXT NOT NULL,          -- success, failure or error
  session_id TEXT,
  num_turns INTEGER,
  stop_reason TEXT,
  agent_name TEXT,
  error_type TEXT,
  cost_source TEXT NOT NULL,         -- reported, estimated or none
  cost_nano_usd INTEGER,             -- the known part of its cost; NULL: none is known
  unpriced INTEGER NOT NULL,         -- counted usage rows without any cost
  usage_quality TEXT NOT NULL,       -- exact, lower_bound or unknown_base
  attributes TEXT,                   -- JSON: what no column holds
  ended_ms INTEGER NOT NULL,
  trace_no INTEGER NOT NULL REFERENCES traces (id)
) STRICT;
CREATE UNIQUE INDEX executions_key ON executions (trace_no, span_id);
CREATE INDEX executions_by_end ON executions (ended_ms);
CREATE TABLE execution_spans (
  trace_no INTEGER NOT NULL REFERENCES traces (id),
  span_id BLOB NOT NULL,
  facts TEXT NOT NULL,               -- JSON: what the span says of itself, to settle its trace again
  PRIMARY KEY (trace_no, span_id)
) STRICT, WITHOUT ROWID;`;

const MODEL_USAGE = `
CREATE TABLE usage_rows (
  id INTEGER PRIMARY KEY,
  trace_no INTEGER NOT NULL REFERENCES traces (id),
  span_id BLOB NOT NULL,
  execution_id INTEGER,              -- the run it belongs to; NULL: none
  ended_ms INTEGER NOT NULL,         -- when the run ended, or the call where there is no run
  scope TEXT NOT NULL,               -- ledger, result, aggregate or leaf
  quality TEXT NOT NULL,             -- exact, lower_bound or unknown_base
  response_id TEXT,
  provider TEXT,
  model TEXT,
  input_tokens INTEGER,
  cache_read_tokens INTEGER,
  cache_creation_tokens INTEGER,
  cache_creation_5m_tokens INTEGER,
  cache_creation_1h_tokens INTEGER,
  output_tokens INTEGER,
  reasoning_tokens INTEGER,
  web_search_requests INTEGER,
  reported_cost_nano_usd INTEGER,
  cost_basis TEXT,
  computed_cost_nano_usd INTEGER,
  price_match TEXT,                  -- exact, approx or override
  cost_nano_usd INTEGER GENERATED ALWAYS AS
    (coalesce(reported_cost_nano_usd, computed_cost_nano_usd)) VIRTUAL,
  counted INTEGER NOT NULL           -- 0: another row stands for the same tokens
) STRICT;
CREATE INDEX usage_rows_by_trace ON usage_rows (trace_no);
CREATE INDEX usage_rows_by_end ON usage_rows (ended_ms) WHERE counted;
CREATE VIEW model_usage AS SELECT
  u.id,
  lower(hex(t.trace_id)) AS trace_id,
  lower(hex(u.span_id)) AS span_id,
  u.execution_id,
  strftime('%Y-%m-%d %H:%M:%S', u.ended_ms / 1000, 'unixepoch') AS created_at,
  u.provider, u.model,
  u.input_tokens, u.cache_read_tokens, u.cache_creation_tokens,
  u.cache_creation_5m_tokens, u.cache_creation_1h_tokens,
  u.output_tokens, u.reasoning_tokens, u.web_search_requests,
  u.reported_cost_nano_usd / 1e9 AS reported_cost_usd,
  u.computed_cost_nano_usd / 1e9 AS computed_cost_usd,
  u.cost_nano_usd / 1e9 AS cost_usd,
  u.cost_nano_usd,
  CASE WHEN u.reported_cost_nano_usd IS NOT NULL THEN 'reported'
    WHEN u.computed_cost_nano_usd IS NOT NULL THEN 'estimated' ELSE 'none' END AS cost_source,
  u.cost_basis, u.price_match, u.scope, u.quality, u.response_id, u.counted
FROM usage_rows u JOIN traces t ON t.id = u.trace_no;`;

const USAGE_DAILY = `
CREATE TABLE usage_daily (
  day TEXT NOT NULL,                 -- UTC, YYYY-MM-DD, by when the run (or the call outside a run) ended
  agent_name TEXT,
  repo TEXT,
  event_type TEXT,
  provider TEXT,
  model TEXT,                        -- of a run without usage: the configured one
  runs INTEGER NOT NULL,             -- each run once, on the row of its first model: sums to all runs
  failures INTEGER NOT NULL,         -- those of them that did not succeed
  model_runs INTEGER NOT NULL,       -- runs of this model: a run of two models stands in two rows
  model_failures INTEGER NOT NULL,   -- those of them that did not succeed
  provider_runs INTEGER NOT NULL,    -- runs of this provider, on the row of their first model of it
  provider_failures INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  cache_creation_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  web_search_requests INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,    -- of what had a cost
  estimated_cost_nano_usd INTEGER NOT NULL, -- the part of it that was computed
  uses INTEGER NOT NULL,             -- usage rows; where as many are unpriced, the cost is unknown, not 0
  unpriced INTEGER NOT NULL,         -- usage rows without a cost
  duration_ms INTEGER NOT NULL,      -- of the runs counted in runs
  cost_usd REAL GENERATED ALWAYS AS (cost_nano_usd / 1e9) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX usage_daily_key ON usage_daily (day, coalesce(agent_name, ''), coalesce(repo, ''),
  coalesce(event_type, ''), coalesce(provider, ''), coalesce(model, ''));`;

const EXPORTER_HEALTH = `
CREATE TABLE exporter_health (
  writer TEXT NOT NULL,              -- one life of one exporter
  outcome TEXT NOT NULL,             -- written, dropped, or set_aside: a damaged file that stood here
  reason TEXT NOT NULL,              -- why dropped; '' where written; where the file is now
  spans INTEGER NOT NULL,
  first_at TEXT NOT NULL,            -- UTC
  last_at TEXT NOT NULL,
  PRIMARY KEY (writer, outcome, reason)
) STRICT, WITHOUT ROWID;`;

/** How the file looks after itself, across processes. */
const UPKEEP = `
CREATE TABLE upkeep (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  holder TEXT,                       -- who maintains the file, until lease_until_ms
  lease_until_ms INTEGER NOT NULL,
  retention_ms INTEGER,              -- as the last holder was told; NULL: not yet
  max_db_bytes INTEGER,              -- 0: no limit
  clock_ms INTEGER,                  -- the latest time that is believed
  doubted_clock_ms INTEGER,          -- a time too far beyond it, until it is seen again
  dictionary_generation INTEGER NOT NULL, -- a writer that knows another one forgets what it remembers
  purged_spans INTEGER NOT NULL,     -- since the dictionary was last collected
  collected_ms INTEGER NOT NULL,     -- when that was
  remembered_length INTEGER NOT NULL -- characters of all nodes in purged_traces
) STRICT;
INSERT INTO upkeep VALUES (1, NULL, 0, NULL, NULL, NULL, NULL, 0, 0, 0, 0);
ALTER TABLE span_shapes ADD COLUMN used_in INTEGER NOT NULL DEFAULT 0; -- generation of its latest use
CREATE TABLE purged_traces (
  id INTEGER PRIMARY KEY,
  trace_id BLOB NOT NULL UNIQUE,
  purged_ms INTEGER NOT NULL,
  nodes TEXT NOT NULL                -- JSON: what settling needs of its spans, should more of them arrive
) STRICT;
CREATE INDEX purged_traces_by_time ON purged_traces (purged_ms);
CREATE TABLE purged_spans (
  trace_no INTEGER PRIMARY KEY       -- its trace is purged; its rows in span_rows are still to be deleted
) STRICT;`;

/**
 * How far each OTLP destination has got. Rows are numbered in the order they arrive, and are read in
 * that order; but once the rows at the end are deleted their numbers are given out again, so the
 * cursors step back with the end, and `epoch` tells a forwarder that is sending that they did.
 */
const FORWARDING = `
CREATE TABLE forward_destinations (
  id INTEGER PRIMARY KEY,
  url TEXT NOT NULL UNIQUE,
  cursor INTEGER NOT NULL DEFAULT 0, -- span_rows.id up to which every span was accepted or refused
  epoch INTEGER NOT NULL DEFAULT 0,
  accepted INTEGER NOT NULL DEFAULT 0, -- spans, over all time; a span sent twice counts twice
  refused INTEGER NOT NULL DEFAULT 0, -- spans that the destination will not take
  holds_retention INTEGER NOT NULL DEFAULT 0, -- 1: retention waits for the cursor
  holder TEXT,                       -- the process that forwards, and until when it is not to be disturbed
  held_until_ms INTEGER NOT NULL DEFAULT 0,
  updated_at TEXT                    -- UTC
) STRICT;
CREATE TABLE forward_refusals (
  id INTEGER PRIMARY KEY,
  destination_id INTEGER NOT NULL REFERENCES forward_destinations (id),
  trace_id TEXT NOT NULL,
  span_id TEXT NOT NULL,
  spans INTEGER NOT NULL,            -- 1: this span; more: so many of a batch that begins with this span
  reason TEXT NOT NULL,              -- as the destination put it
  refused_at TEXT NOT NULL           -- UTC
) STRICT;
CREATE INDEX forward_refusals_by_destination ON forward_refusals (destination_id);
CREATE TRIGGER forward_cursors_follow_the_end AFTER DELETE ON span_rows
WHEN NOT EXISTS (SELECT 1 FROM span_rows WHERE id > OLD.id)
BEGIN
  UPDATE forward_destinations SET epoch = epoch + 1,
    cursor = min(cursor, coalesce((SELECT max(id) FROM span_rows), 0));
END;`;

/** Derived from the rows and from usage_daily, so that reports need not read them: period-totals.ts. */
const PERIOD_TOTALS = `
CREATE TABLE totalled_periods (
  hours INTEGER NOT NULL,            -- 1 or 24
  start INTEGER NOT NULL,            -- hours since 1970, UTC; a period that is not here has no total
  built INTEGER NOT NULL,            -- 1; below: its total is being built
  PRIMARY KEY (hours, start)
) STRICT, WITHOUT ROWID;
CREATE TABLE period_totals (
  hours INTEGER NOT NULL,
  cube TEXT NOT NULL,                -- what it is grouped by, such as 'provider,model'; '' is the whole
  start INTEGER NOT NULL,
  place INTEGER NOT NULL,
  k1 TEXT,                           -- the values of what it is grouped by
  k2 TEXT,
  k3 TEXT,
  runs INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  lower_bound_runs INTEGER NOT NULL,
  unknown_base_runs INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  cache_creation_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  web_search_requests INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  estimated_cost_nano_usd INTEGER NOT NULL,
  uses INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  approx_cost_nano_usd INTEGER NOT NULL,      -- of a price for a model that is only nearly the same
  checked_reported_nano_usd INTEGER NOT NULL, -- reported cost of usage that also has a computed one
  checked_computed_nano_usd INTEGER NOT NULL, -- and that computed cost
  p50_duration_ms REAL,              -- NULL: no run
  p95_duration_ms REAL,
  durations BLOB NOT NULL,           -- of the runs: duration-histogram.ts
  PRIMARY KEY (hours, cube, start, place)
) STRICT, WITHOUT ROWID;`;

/** Views for people's own SQL, and for tools that read SQLite: docs/sql.md. */
const READY_VIEWS = `
CREATE VIEW run_costs AS SELECT
  e.id,
  e.trace_id,
  e.created_at AS ended_at,          -- UTC, YYYY-MM-DD HH:MM:SS
  substr(e.created_at, 1, 10) AS day, -- UTC, YYYY-MM-DD
  substr(e.created_at, 1, 7) AS month, -- UTC, YYYY-MM
  e.agent_name,
  e.repo,
  e.pr_number,
  e.event_type,
  e.session_id,
  e.provider,
  e.model,                           -- the one it ran on, or was configured for
  e.conclusion,                      -- success, failure or error
  e.conclusion <> 'success' AS failed, -- 1 or 0
  e.error_type,
  e.num_turns,
  e.duration_ms / 1000.0 AS duration_s, -- seconds
  e.input_tokens,                    -- uncached input
  e.cache_read_tokens,
  e.cache_creation_tokens,
  e.output_tokens,
  e.cache_read_tokens * 1.0 / nullif(e.input_tokens + e.cache_read_tokens + e.cache_creation_tokens, 0)
    AS cache_hit_share,              -- of all input, 0 to 1
  e.cost_usd,                        -- NULL: unknown
  e.cost_source,                     -- reported, estimated or none
  e.unpriced > 0 AS is_lower_bound   -- 1: a part of its cost is unknown
FROM executions e;
CREATE VIEW daily_costs AS
WITH uses AS (SELECT u.*,
    row_number() OVER (PARTITION BY u.trace_no, u.execution_id ORDER BY u.id) AS of_run,
    row_number() OVER (PARTITION BY u.trace_no, u.execution_id, u.provider, u.model ORDER BY u.id) AS of_model
  FROM usage_rows u WHERE u.counted),
lines AS (
  SELECT strftime('%Y-%m-%d', u.ended_ms / 1000, 'unixepoch') AS day, e.agent_name, e.repo,
    e.event_type, u.provider, u.model, e.id IS NOT NULL AND u.of_run = 1 AS runs,
    e.id IS NOT NULL AND u.of_run = 1 AND e.conclusion <> 'success' AS failures,
    e.id IS NOT NULL AND u.of_model = 1 AS model_runs,
    u.input_tokens, u.cache_read_tokens, u.cache_creation_tokens, u.output_tokens,
    u.cost_nano_usd, u.cost_nano_usd IS NULL AS unpriced
  FROM uses u LEFT JOIN executions e ON e.id = u.execution_id
  UNION ALL
  SELECT strftime('%Y-%m-%d', e.ended_ms / 1000, 'unixepoch'), e.agent_name, e.repo,
    e.event_type, e.provider, e.model, 1, e.conclusion <> 'success', 1, 0, 0, 0, 0, NULL, 0
  FROM executions e WHERE NOT EXISTS (SELECT 1 FROM usage_rows u
    WHERE u.trace_no = e.trace_no AND u.execution_id = e.id AND u.counted)
  UNION ALL
  SELECT day, agent_name, repo, event_type, provider, model, runs, failures, model_runs,
    input_tokens, cache_read_tokens, cache_creation_tokens, output_tokens,
    iif(uses > unpriced, cost_nano_usd, NULL), unpriced
  FROM usage_daily)
SELECT
  day,                               -- UTC, YYYY-MM-DD; purged days are in it
  agent_name,
  repo,
  event_type,
  provider,
  model,
  sum(runs) AS runs,                 -- each run once, on the line of its first model: sum them
  sum(failures) AS failures,         -- those of them that did not succeed
  sum(model_runs) AS model_runs,     -- runs that used this model: a run of two models is in two lines
  coalesce(sum(input_tokens), 0) AS input_tokens, -- uncached input
  coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
  coalesce(sum(cache_creation_tokens), 0) AS cache_creation_tokens,
  coalesce(sum(output_tokens), 0) AS output_tokens,
  sum(cost_nano_usd) / 1e9 AS cost_usd, -- NULL: unknown
  sum(cost_nano_usd) AS cost_nano_usd,
  sum(unpriced) AS unpriced          -- uses of the model whose cost is unknown
FROM lines GROUP BY day, agent_name, repo, event_type, provider, model;`;

/** Step n brings a file from `user_version` n to n + 1. */
export const MIGRATIONS: readonly string[] = [
  [TRACES, SPANS, EXECUTIONS, MODEL_USAGE, USAGE_DAILY, EXPORTER_HEALTH].join("\n"),
  UPKEEP,
  FORWARDING,
  PERIOD_TOTALS,
  READY_VIEWS,
];
