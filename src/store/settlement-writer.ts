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
import type { StoredUsage, TraceState } from "./trace-states.ts";

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
  readonly #insertRun: Statement<unknown, SQLQueryBindings[]>;
  readonly #updateRun: Statement<unknown, SQLQueryBindings[]>;
  readonly #deleteRun: Statement<unknown, [number]>;
  readonly #insertUsage: Statement<unknown, SQLQueryBindings[]>;
  readonly #updateUsage: Statement<unknown, SQLQueryBindings[]>;
  readonly #periodTotals: PeriodTotalsBuilder;

  constructor(db: Database) {
    this.#periodTotals = new PeriodTotalsBuilder(db);
    const columns = Object.keys(RUN_COLUMNS);
    this.#insertRun = db.prepare(
      `INSERT INTO executions (trace_no, trace_id, span_id, ${columns.join(", ")})
       VALUES (?, ?, ?, ${marks(columns.length)})`,
    );
    this.#updateRun = db.prepare(
      `UPDATE executions SET ${columns.map((name) => `${name} = ?`).join(", ")} WHERE id = ?`,
    );
    this.#deleteRun = db.prepare("DELETE FROM executions WHERE id = ?");
    const modelColumns = Object.keys(MODEL_COLUMNS);
    this.#insertUsage = db.prepare(
      `INSERT INTO usage_rows (trace_no, span_id, execution_id, ended_ms, counted, scope, quality,
         response_id, ${modelColumns.join(", ")})
       VALUES (?, unhex(?), ?, ?, ?, ?, ?, ?, ${marks(modelColumns.length)})`,
    );
    this.#updateUsage = db.prepare(
      `UPDATE usage_rows SET execution_id = ?, ended_ms = ?, counted = ?
       WHERE id BETWEEN ? AND ?`,
    );
  }

  write(traceId: string, state: TraceState): void {
    const settlement = settle(state.nodes);
    this.#writeRuns(traceId, state, settlement);
    for (const node of state.nodes.values()) {
      if (node.usage) this.#writeUsage(state, node, node.usage, settlement);
    }
  }

  /** Of the traces whose rows were written: a row's time, before and after, is the end of one of its spans. */
  forgetTotals(states: Iterable<TraceState>): void {
    const hours = new Set<number>();
    for (const { nodes } of states) {
      for (const node of nodes.values()) hours.add(Math.floor(node.endMs / HOUR_MS));
    }
    for (const hour of hours) this.#periodTotals.forget(hour);
  }

  #writeRuns(traceId: string, state: TraceState, settlement: Settlement): void {
    const members = Map.groupBy(state.nodes.values(), (node) => settlement.runOf.get(node.spanId));
    const runIds = new Set<string>();
    for (const run of settlement.runs) {
      if (!run.execution) continue;
      const row = runRow(run, members.get(run) ?? [], settlement, run.execution);
      this.#writeRun(traceId, state, run.spanId, row);
      runIds.add(run.spanId);
    }
    for (const [spanId, { id }] of state.storedRuns) {
      if (runIds.has(spanId)) continue;
      this.#deleteRun.run(id);
      state.storedRuns.delete(spanId);
    }
  }

  #writeRun(traceId: string, state: TraceState, spanId: string, row: RunRow): void {
    const values = RUN_FIELDS.map((field) => row[field]);
    const stored = state.storedRuns.get(spanId);
    if (stored?.values?.every((value, i) => value === values[i])) return;
    if (stored) {
      this.#updateRun.run(...values, stored.id);
      stored.values = values;
      return;
    }
    const { lastInsertRowid } = this.#insertRun.run(state.traceNo, traceId, spanId, ...values);
    state.storedRuns.set(spanId, { id: Number(lastInsertRowid), values });
  }

  #writeUsage(state: TraceState, node: TraceNode, usage: UsageFacts, settlement: Settlement): void {
    const run = settlement.runOf.get(node.spanId);
    const runId = run ? (state.storedRuns.get(run.spanId)?.id ?? null) : null;
    const endedMs = run?.endMs ?? node.endMs;
    const counted = settlement.counted.has(node.spanId) ? 1 : 0;
    const stored = state.storedUsage.get(node.spanId);
    if (!stored) {
      const settled = { runId, endedMs, counted };
      state.storedUsage.set(node.spanId, this.#insert(state.traceNo, node.spanId, usage, settled));
      return;
    }
    const { settled } = stored;
    if (settled?.runId === runId && settled.endedMs === endedMs && settled.counted === counted) {
      return;
    }
    stored.settled = { runId, endedMs, counted };
    this.#updateUsage.run(runId, endedMs, counted, stored.firstId, stored.lastId);
  }

  #insert(
    traceNo: number,
    spanId: string,
    { scope, quality, responseId, models }: UsageFacts,
    settled: NonNullable<StoredUsage["settled"]>,
  ): StoredUsage {
    const { runId, endedMs, counted } = settled;
    const place = [traceNo, spanId, runId, endedMs, counted, scope, quality, responseId];
    let lastId = 0;
    for (const model of models) {
      const values: SQLQueryBindings[] = place.slice();
      for (const field of MODEL_FIELDS) values.push(model[field]);
      lastId = Number(this.#insertUsage.run(...values).lastInsertRowid);
    }
    return { firstId: lastId - models.length + 1, lastId, settled };
  }
}
