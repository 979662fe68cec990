/**
 * Brings `usage_rows` and `executions` of one trace to what settling it says, touching only the rows
 * that differ. Runs inside the transaction that wrote the spans.
 */
import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";
import { HOUR_MS } from "./period-totals.ts";
import { PeriodTotalsBuilder } from "./period-totals-builder.ts";
import type { UsageFacts } from "./rows.ts";
import { type RunRow, runRow } from "./run-row.ts";
import { type Settlement, settle, type TraceNode } from "./settle.ts";
import type { TraceState } from "./trace-states.ts";

const RUN_COLUMNS = {
  delivery_id: "deliveryId",
  repo: "repo",
  pr_number: "prNumber",
  event_type: "eventType",
  provider: "provider",
  model: "model",
  input_tokens: "inputTokens",
  output_tokens: "outputTokens",
  cache_read_tokens: "cacheReadTokens",
  cache_creation_tokens: "cacheCreationTokens",
  duration_ms: "durationMs",
  conclusion: "conclusion",
  session_id: "sessionId",
  num_turns: "numTurns",
  stop_reason: "stopReason",
  agent_name: "agentName",
  error_type: "errorType",
  cost_source: "costSource",
  cost_nano_usd: "costNanoUsd",
  unpriced: "unpriced",
  usage_quality: "usageQuality",
  attributes: "attributes",
  ended_ms: "endedMs",
} as const satisfies Record<string, keyof RunRow>;

const MODEL_COLUMNS = {
  provider: "provider",
  model: "model",
  input_tokens: "inputTokens",
  cache_read_tokens: "cacheReadTokens",
  cache_creation_tokens: "cacheCreationTokens",
  cache_creation_5m_tokens: "cacheCreation5mTokens",
  cache_creation_1h_tokens: "cacheCreation1hTokens",
  output_tokens: "outputTokens",
  reasoning_tokens: "reasoningTokens",
  web_search_requests: "webSearchRequests",
  reported_cost_nano_usd: "reportedCostNanoUsd",
  cost_basis: "costBasis",
  computed_cost_nano_usd: "computedCostNanoUsd",
  price_match: "priceMatch",
} as const satisfies Record<string, keyof UsageFacts["models"][number]>;

const RUN_FIELDS = Object.values(RUN_COLUMNS);
const MODEL_FIELDS = Object.values(MODEL_COLUMNS);

function marks(count: number): string {
  return Array.from({ length: count }, () => "?").join(", ");
}

export class SettlementWriter {
  readonly #upsertRun: Statement<{ id: number }, SQLQueryBindings[]>;
  readonly #deleteRun: Statement<unknown, [number, string]>;
  readonly #findRun: Statement<{ id: number }, [number, string]>;
  readonly #insertUsage: Statement<unknown, SQLQueryBindings[]>;
  readonly #updateUsage: Statement<unknown, SQLQueryBindings[]>;
  readonly #periodTotals: PeriodTotalsBuilder;

  constructor(db: Database) {
    this.#periodTotals = new PeriodTotalsBuilder(db);
    const columns = Object.keys(RUN_COLUMNS);
    this.#upsertRun = db.prepare(
      `INSERT INTO executions (trace_no, trace_id, span_id, ${columns.join(", ")})
       VALUES (?, ?, ?, ${marks(columns.length)})
       ON CONFLICT (trace_no, span_id) DO UPDATE
         SET ${columns.map((name) => `${name} = excluded.${name}`).join(", ")}
       RETURNING id`,
    );
    this.#deleteRun = db.prepare("DELETE FROM executions WHERE trace_no = ? AND span_id = ?");
    this.#findRun = db.prepare("SELECT id FROM executions WHERE trace_no = ? AND span_id = ?");
    const modelColumns = Object.keys(MODEL_COLUMNS);
    this.#insertUsage = db.prepare(
      `INSERT INTO usage_rows (trace_no, span_id, execution_id, ended_ms, counted, scope, quality,
         response_id, ${modelColumns.join(", ")})
       VALUES (?, unhex(?), ?, ?, ?, ?, ?, ?, ${marks(modelColumns.length)})`,
    );
    this.#updateUsage = db.prepare(
      `UPDATE usage_rows SET execution_id = ?, ended_ms = ?, counted = ?
       WHERE trace_no = ? AND span_id = unhex(?)`,
    );
  }

  write(traceId: string, state: TraceState): void {
    this.#forgetTotals(state);
    const settlement = settle(state.nodes);
    const runIds = this.#writeRuns(traceId, state, settlement);
    for (const node of state.nodes.values()) {
      if (node.usage) this.#writeUsage(state, node, node.usage, settlement, runIds);
    }
  }

  /** A row's time, before and after, is the end of one of its trace's spans. */
  #forgetTotals(state: TraceState): void {
    const hours = new Set<number>();
    for (const node of state.nodes.values()) hours.add(Math.floor(node.endMs / HOUR_MS));
    for (const hour of hours) this.#periodTotals.forget(hour);
  }

  #writeRuns(traceId: string, state: TraceState, settlement: Settlement): Map<string, number> {
    const runIds = new Map<string, number>();
    const members = Map.groupBy(state.nodes.values(), (node) => settlement.runOf.get(node.spanId));
    for (const run of settlement.runs) {
      if (!run.execution) continue;
      const row = runRow(run, members.get(run) ?? [], settlement, run.execution);
      const values = RUN_FIELDS.map((field) => row[field]);
      const text = JSON.stringify(values);
      const isStored = state.storedRuns.get(run.spanId) === text;
      const stored = isStored
        ? this.#findRun.get(state.traceNo, run.spanId)
        : this.#upsertRun.get(state.traceNo, traceId, run.spanId, ...values);
      if (stored) runIds.set(run.spanId, stored.id);
      state.storedRuns.set(run.spanId, text);
    }
    for (const spanId of state.storedRuns.keys()) {
      if (runIds.has(spanId)) continue;
      this.#deleteRun.run(state.traceNo, spanId);
      state.storedRuns.delete(spanId);
    }
    return runIds;
  }

  #writeUsage(
    state: TraceState,
    node: TraceNode,
    usage: UsageFacts,
    settlement: Settlement,
    runIds: ReadonlyMap<string, number>,
  ): void {
    const run = settlement.runOf.get(node.spanId);
    const runId = run ? (runIds.get(run.spanId) ?? null) : null;
    const endedMs = run?.endMs ?? node.endMs;
    const counted = settlement.counted.has(node.spanId) ? 1 : 0;
    const text = `${runId} ${endedMs} ${counted}`;
    const stored = state.storedUsage.get(node.spanId);
    if (stored === text) return;
    state.storedUsage.set(node.spanId, text);
    if (stored !== undefined) {
      this.#updateUsage.run(runId, endedMs, counted, state.traceNo, node.spanId);
      return;
    }
    const { scope, quality, responseId } = usage;
    const place = [state.traceNo, node.spanId, runId, endedMs, counted, scope, quality, responseId];
    for (const model of usage.models) {
      const values: SQLQueryBindings[] = place.slice();
      for (const field of MODEL_FIELDS) values.push(model[field]);
      this.#insertUsage.run(...values);
    }
  }
}
