import type { Database } from "bun:sqlite";
import { openDatabase } from "../../src/store/database.ts";

/** A generator of numbers in [0, 1) that gives the same ones for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface SampleShape {
  seed: number;
  runs: number;
  /** The newest run ended here, the oldest this many days before. */
  lastMs: number;
  days: number;
  repos: number;
}

const MODELS = [
  ["anthropic", "claude-sonnet-4-5"],
  ["anthropic", "claude-haiku-4-5"],
  ["anthropic", "claude-opus-4-5"],
  ["openai", "gpt-5"],
  ["openai", "gpt-5-mini"],
  ["local", "llama-in-house"],
] as const;
const EVENTS = ["review", "mention", "write", null] as const;
const DAY_MS = 86_400_000;

/**
 * Fills a new database with runs of three uses each, as the writer would leave them but without spans,
 * faster than it could. One model has no price.
 */
export function createSampleDatabase(path: string, shape: SampleShape): void {
  const db = openDatabase(path, 1000);
  try {
    db.run("PRAGMA synchronous = OFF");
    db.transaction(() => fill(db, shape))();
  } finally {
    db.close(true);
  }
}

function fill(db: Database, { seed, runs, lastMs, days, repos }: SampleShape): void {
  const random = seededRandom(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const insertTrace = db.prepare(
    "INSERT INTO traces (id, trace_id, last_seen_ms, spans, settles) VALUES (?, unhex(?), ?, 4, 1)",
  );
  const insertRun = db.prepare(
    `INSERT INTO executions (id, trace_id, span_id, repo, pr_number, event_type, provider, model,
       input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, duration_ms, conclusion,
       session_id, num_turns, agent_name, cost_source, cost_nano_usd, unpriced, usage_quality,
       attributes, ended_ms, trace_no)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 3, ?16, 'reported',
       ?17, ?18, ?19, ?20, ?21, ?1)`,
  );
  const insertUsage = db.prepare(
    `INSERT INTO usage_rows (trace_no, span_id, execution_id, ended_ms, scope, quality, provider,
       model, input_tokens, cache_read_tokens, cache_creation_tokens, output_tokens,
       reported_cost_nano_usd, computed_cost_nano_usd, price_match, counted)
     VALUES (?, unhex(?), ?, ?, 'ledger', 'exact', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for (let id = 1; id <= runs; id++) {
    const endedMs = Math.round(lastMs - ((runs - id) / runs) * days * DAY_MS);
    const traceId = id.toString(16).padStart(32, "0");
    const spanId = id.toString(16).padStart(16, "0");
    const uses = [0, 1, 2].map(() => {
      const [provider, model] = MODELS[below(MODELS.length)] ?? MODELS[0];
      const tokens = [below(5000), below(50_000), below(9000), below(4000)] as const;
      const nanoUsd = tokens[0] * 3000 + tokens[1] * 300 + tokens[2] * 3750 + tokens[3] * 15_000;
      const isPriced = provider !== "local";
      return {
        provider,
        model,
        tokens,
        reported: isPriced && random() < 0.8 ? nanoUsd : null,
        computed: isPriced ? Math.round(nanoUsd * 1.01) : null,
      };
    });
    const costs = uses.flatMap((use) => use.reported ?? use.computed ?? []);
    const sum = (index: 0 | 1 | 2 | 3): number =>
      uses.reduce((total, use) => total + use.tokens[index], 0);
    insertTrace.run(id, traceId, endedMs);
    insertRun.run(
      id,
      traceId,
      spanId,
      `acme/repo-${below(repos)}`,
      below(300) + 1,
      EVENTS[below(EVENTS.length)] ?? null,
      uses[0]?.provider ?? null,
      uses[0]?.model ?? null,
      sum(0),
      sum(3),
      sum(1),
      sum(2),
      Math.round(4000 * Math.exp(random() * 4)),
      random() < 0.9 ? "success" : random() < 0.5 ? "failure" : "error",
      `session-${below(runs)}`,
      random() < 0.8 ? "reviewer" : "writer",
      costs.length === 0 ? null : costs.reduce((total, cost) => total + cost, 0),
      uses.length - costs.length,
      random() < 0.99 ? "exact" : "lower_bound",
      random() < 0.5 ? '{"team":"core","tier":2}' : null,
      endedMs,
    );
    for (const [place, use] of uses.entries()) {
      insertUsage.run(
        id,
        spanId,
        id,
        endedMs,
        use.provider,
        use.model,
        ...use.tokens,
        use.reported,
        use.computed,
        use.computed === null ? null : "exact",
        place === 0 || random() < 0.97 ? 1 : 0,
      );
    }
  }
}
