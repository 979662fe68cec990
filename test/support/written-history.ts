import { Database } from "bun:sqlite";
import type { SpanRow } from "../../src/store/rows.ts";
import { Store } from "../../src/store/store.ts";
import type { PlainUse, PlainWork } from "./plain-report.ts";
import { seededRandom } from "./sample-database.ts";
import { execution, hexId, modelUsage, spanRow, usage } from "./span-rows.ts";

/** How far a history has got: rows alone, with totals, half purged, with late spans, totals forgotten. */
export type WrittenStage = "rows" | "totals" | "purged" | "late" | "forgotten";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The clocks of Lord Howe, Berlin and Havana change within. */
export const FIRST_MS: number = Date.UTC(2026, 8, 28);
export const LAST_MS: number = Date.UTC(2026, 10, 4);
const NOW_MS = LAST_MS + DAY_MS;
const PURGE_BEFORE_MS = Date.UTC(2026, 9, 14, 11);
const WORKS = 160;

/** Where days, weeks, months and clocks change. */
const EDGES: readonly number[] = [
  Date.UTC(2026, 9, 1),
  Date.UTC(2026, 9, 3, 15, 30),
  Date.UTC(2026, 9, 5),
  Date.UTC(2026, 9, 14),
  Date.UTC(2026, 9, 24, 22),
  Date.UTC(2026, 9, 25, 1),
  Date.UTC(2026, 9, 26),
  Date.UTC(2026, 10, 1),
  Date.UTC(2026, 10, 1, 5),
  Date.UTC(2026, 10, 1, 6),
];

const MODELS = [
  ["anthropic", "claude-sonnet-4-5"],
  ["anthropic", "claude-haiku-4-5"],
  ["bedrock", "claude-haiku-4-5"],
  ["openai", "gpt-5"],
  [null, "llama-in-house"],
  ["openai", null],
  [null, null],
] as const;

class Maker {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** Now and then unknown. */
  #known<T>(value: T): T | null {
    return this.below(5) === 0 ? null : value;
  }

  #endMs(): number {
    if (this.below(2) === 0) return FIRST_MS + this.below(LAST_MS - FIRST_MS);
    const hours = this.one([0, 0, 0, 1, -1]);
    return this.one(EDGES) + hours * HOUR_MS + this.one([-1, 0, 1, 1800_000]);
  }

  #use(): PlainUse {
    const [provider, model] = this.one(MODELS);
    const cost = this.one([0, 1, 999_999_999, this.below(1e12)]);
    return {
      ...{ provider, model },
      inputTokens: this.#known(this.below(1e6)),
      cacheReadTokens: this.#known(this.below(1e6)),
      cacheCreationTokens: this.#known(this.below(1e6)),
      outputTokens: this.#known(this.below(1e6)),
      reasoningTokens: this.#known(this.below(100)),
      reportedCostNanoUsd: this.#known(cost),
      computedCostNanoUsd: this.#known(this.below(1e12)),
    };
  }

  work(id: number): PlainWork {
    const [provider, model] = this.one(MODELS);
    const isRun = this.below(8) > 0;
    return {
      ...{ id, isRun, provider, model, isPurged: false },
      endMs: this.#endMs(),
      durationMs: this.one([0, 1, 127, 128, this.below(5000), this.below(1e8)]),
      repo: this.#known(`acme/repo-${this.below(3)}`),
      pr: this.#known(String(this.below(4))),
      event: this.#known(this.one(["review", "mention"])),
      agent: this.#known(this.one(["reviewer", "writer"])),
      session: this.#known(`s-${this.below(3)}`),
      conclusion: this.one(["success", "success", "failure", "error"]),
      attributes:
        this.below(3) === 0
          ? {}
          : {
              team: this.one(["core", "web"]),
              "a'b\"c.d $ü": this.below(2),
              isBig: this.below(2) > 0,
            },
      uses: Array.from({ length: isRun ? this.below(4) : 1 }, () => this.#use()),
    };
  }
}

function runOf(work: PlainWork): ReturnType<typeof execution> {
  return execution({
    agentName: work.agent,
    repo: work.repo,
    prNumber: work.pr === null ? null : Number(work.pr),
    eventType: work.event,
    sessionId: work.session,
    conclusion: work.conclusion,
    provider: work.provider,
    model: work.model,
    durationMs: work.durationMs,
    attributes: Object.keys(work.attributes).length > 0 ? JSON.stringify(work.attributes) : null,
  });
}

/** What each work is stored as: a run with its account, and its model calls as spans of their own. */
function rowsOf(work: PlainWork): SpanRow[] {
  const { id, endMs, isRun } = work;
  const models = work.uses.map((use) => modelUsage({ ...use }));
  const isAccount = id % 2 === 0;
  const calls = models.map((model, index) =>
    spanRow({
      ...{ trace: id, span: `${id}-${index}`, parent: isRun ? id : null },
      // A run's calls end before it does, if need be on another day.
      endMs: isRun ? endMs - (index + 1) * 50 * 60_000 : endMs,
      usage: usage({ models: [model] }),
    }),
  );
  if (!isRun) return calls;
  const account = isAccount && models.length > 0 ? usage({ scope: "ledger", models }) : null;
  return [
    ...calls,
    spanRow({ trace: id, span: id, endMs, execution: runOf(work), usage: account }),
  ];
}

function write(store: Store, rows: readonly SpanRow[], nowMs: number): void {
  for (let at = 0; at < rows.length; at += 20) store.write(rows.slice(at, at + 20), nowMs);
}

function maintain(store: Store, retentionMs: number): void {
  const maintainer = store.maintainer({ retentionMs, maxDbBytes: 0 });
  while (maintainer.step(NOW_MS).didWork);
}

function liveTraces(db: Database): Set<string> {
  const sql = "SELECT lower(hex(trace_id)) AS id FROM traces";
  return new Set((db.query(sql).all() as { id: string }[]).map(({ id }) => id));
}

/** Writes a history up to a stage, and gives all that was written. */
export function writeHistory(path: string, seed: number, stage: WrittenStage): PlainWork[] {
  const maker = new Maker(seed);
  const all = Array.from({ length: WORKS }, (_, id) => maker.work(id));
  const store = new Store({ path, writer: "w", busyTimeoutMs: 1000 });
  const rows = all.flatMap(rowsOf);
  const isLate = (): boolean => stage !== "rows" && stage !== "totals" && maker.below(6) === 0;
  const late: SpanRow[] = [];
  const early: SpanRow[] = [];
  for (const row of rows) (isLate() ? late : early).push(row);
  write(store, early, NOW_MS);
  if (stage !== "rows") maintain(store, 400 * DAY_MS);
  if (stage === "purged" || stage === "late" || stage === "forgotten") {
    maintain(store, NOW_MS - PURGE_BEFORE_MS);
    write(store, late, NOW_MS);
  }
  if (stage === "late" || stage === "forgotten") {
    maintain(store, NOW_MS - PURGE_BEFORE_MS - 2 * DAY_MS);
  }
  store.close();
  const db = new Database(path);
  if (stage === "forgotten") db.run("DELETE FROM totalled_periods");
  const live = liveTraces(db);
  db.close(true);
  for (const work of all) work.isPurged = !live.has(hexId(`t${work.id}`, 32));
  return all;
}
