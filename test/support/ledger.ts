import { Database } from "bun:sqlite";

/** What a file says was ever spent: live rows and purged days together, by everything that is reported. */
export interface LedgerLine {
  day: string;
  agent_name: string | null;
  repo: string | null;
  event_type: string | null;
  provider: string | null;
  model: string | null;
  runs: number;
  failures: number;
  model_runs: number;
  input_tokens: number;
  cache_read_tokens: number;
  cache_creation_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  web_search_requests: number;
  cost_nano_usd: number;
  estimated_cost_nano_usd: number;
  unpriced: number;
  duration_ms: number;
}

const KEYS = "day, agent_name, repo, event_type, provider, model";
const SUMS = [
  "runs",
  "failures",
  "model_runs",
  "input_tokens",
  "cache_read_tokens",
  "cache_creation_tokens",
  "output_tokens",
  "reasoning_tokens",
  "web_search_requests",
  "cost_nano_usd",
  "estimated_cost_nano_usd",
  "unpriced",
  "duration_ms",
] as const;

/** Adds the figures of `line`, which has the same key, to `sum`. */
export function addLine(sum: LedgerLine, line: LedgerLine): void {
  for (const name of SUMS) sum[name] += line[name];
}

/** Written apart from the purge's own SQL, row by row, so that it can tell when that is wrong. */
function liveLines(db: Database): LedgerLine[] {
  const lines: LedgerLine[] = [];
  const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  const empty = {
    runs: 0,
    failures: 0,
    model_runs: 0,
    cost_nano_usd: 0,
    estimated_cost_nano_usd: 0,
  };
  const none = {
    input_tokens: 0,
    cache_read_tokens: 0,
    cache_creation_tokens: 0,
    output_tokens: 0,
  };
  const rest = { reasoning_tokens: 0, web_search_requests: 0, unpriced: 0, duration_ms: 0 };
  type Row = Record<string, number | null> & { id: number };
  const runs = new Map<number, Row & Record<string, unknown>>();
  for (const run of db.query("SELECT * FROM executions").all() as Row[]) runs.set(run.id, run);
  const firstOf = new Set<unknown>();
  const modelsOf = new Set<string>();
  const usages = db.query("SELECT * FROM usage_rows WHERE counted ORDER BY id").all() as Row[];
  for (const u of usages) {
    const run = runs.get(u["execution_id"] ?? -1);
    const day = dayOf(u["ended_ms"] ?? 0);
    const line: LedgerLine = {
      day,
      agent_name: (run?.["agent_name"] ?? null) as string | null,
      repo: (run?.["repo"] ?? null) as string | null,
      event_type: (run?.["event_type"] ?? null) as string | null,
      provider: u["provider"] as string | null,
      model: u["model"] as string | null,
      ...empty,
      ...none,
      ...rest,
    };
    for (const name of [
      "input_tokens",
      "cache_read_tokens",
      "cache_creation_tokens",
      "output_tokens",
      "reasoning_tokens",
      "web_search_requests",
    ] as const)
      line[name] = u[name] ?? 0;
    line.cost_nano_usd = u["reported_cost_nano_usd"] ?? u["computed_cost_nano_usd"] ?? 0;
    if (u["reported_cost_nano_usd"] === null) {
      line.estimated_cost_nano_usd = u["computed_cost_nano_usd"] ?? 0;
      if (u["computed_cost_nano_usd"] === null) line.unpriced = 1;
    }
    if (run && !firstOf.has(run.id)) {
      firstOf.add(run.id);
      line.runs = 1;
      line.failures = (run["conclusion"] as unknown) === "success" ? 0 : 1;
      line.duration_ms = run["duration_ms"] ?? 0;
    }
    const use = `${run?.id}|${u["provider"]}|${u["model"]}`;
    if (run && !modelsOf.has(use)) line.model_runs = 1;
    modelsOf.add(use);
    lines.push(line);
  }
  for (const run of runs.values()) {
    if (firstOf.has(run.id)) continue;
    lines.push({
      day: dayOf(run["ended_ms"] ?? 0),
      agent_name: run["agent_name"] as string | null,
      repo: run["repo"] as string | null,
      event_type: run["event_type"] as string | null,
      provider: run["provider"] as string | null,
      model: run["model"] as string | null,
      ...empty,
      ...none,
      ...rest,
      runs: 1,
      model_runs: 1,
      failures: (run["conclusion"] as unknown) === "success" ? 0 : 1,
      duration_ms: run["duration_ms"] ?? 0,
    });
  }
  return lines;
}

/** Lines of the same key added up, in the order of their keys. */
export function ledger(path: string): LedgerLine[] {
  const db = new Database(path, { readonly: true });
  try {
    const purged = db
      .query(`SELECT ${KEYS}, ${SUMS.join(", ")} FROM usage_daily`)
      .all() as LedgerLine[];
    const lines = new Map<string, LedgerLine>();
    for (const line of [...purged, ...liveLines(db)]) {
      const { day, agent_name, repo, event_type, provider, model } = line;
      const key = JSON.stringify([day, agent_name, repo, event_type, provider, model]);
      const sum = lines.get(key);
      if (!sum) lines.set(key, { ...line });
      else addLine(sum, line);
    }
    return [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  } finally {
    db.close(true);
  }
}
