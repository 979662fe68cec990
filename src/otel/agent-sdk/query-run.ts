/** Follows the messages of one query and keeps its spans. */
import type { Context, Tracer } from "@opentelemetry/api";
import { ATTR_GEN_AI_REQUEST_MODEL, ATTR_USAGE_QUALITY } from "../attributes.ts";
import { recordError } from "../errors.ts";
import type { Execution } from "../execution.ts";
import { type ExecutionSpan, startExecutionSpan } from "../execution-span.ts";
import { recordOutcome, recordUsage } from "../record-result.ts";
import { totalUsage } from "../usage-attributes.ts";
import { amountOf, type Fields, fieldsOf, textOf } from "../values.ts";
import { type Account, countsAnything } from "./account.ts";
import { outcomeOf, resultErrorType } from "./result.ts";

export class QueryRun {
  readonly #tracer: Tracer;
  readonly #execution: Execution;
  readonly #parent: Context;
  readonly #account: Account;
  readonly #now: () => number;
  #turn: ExecutionSpan | undefined;
  #sessionId: string | undefined;
  #model: string | undefined;
  #version: string | undefined;
  #usageSeen = false;
  #ended = false;

  constructor(
    tracer: Tracer,
    execution: Execution,
    parent: Context,
    account: Account,
    now: () => number,
  ) {
    this.#tracer = tracer;
    this.#execution = execution;
    this.#parent = parent;
    this.#account = account;
    this.#now = now;
    this.#openTurn();
  }

  /** Active while the query starts and while its next message is awaited. */
  get context(): Context {
    return this.#turn?.context ?? this.#parent;
  }

  observe(value: unknown): void {
    const message = fieldsOf(value);
    if (this.#ended || message === undefined) return;
    if (message["type"] === "conversation_reset") this.#account.reset();
    if (this.#turn === undefined && opensTurn(message)) this.#openTurn();
    this.#sessionId = textOf(message["session_id"]) ?? this.#sessionId;
    if (message["type"] === "system" && message["subtype"] === "init") {
      this.#model = textOf(message["model"]) ?? this.#model;
      this.#version = textOf(message["claude_code_version"]) ?? this.#version;
    }
    if (message["type"] === "assistant") {
      this.#usageSeen ||= countsAnything(fieldsOf(message["message"])?.["usage"]);
    }
    if (message["type"] === "result") this.#closeTurn(message);
  }

  /** The query threw, itself or while it was read. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#turn === undefined) return;
    recordError(this.#turn.span, error, this.#now());
    this.#endWithoutResult();
  }

  /** The messages ended; `errorType` says why where the consumer, not the query, ended them. */
  end(errorType = "no_result"): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#turn === undefined) return;
    recordOutcome(
      this.#turn.span,
      { conclusion: errorType === "no_result" ? "error" : "failure" },
      errorType,
    );
    this.#endWithoutResult();
  }

  #openTurn(): void {
    this.#turn = startExecutionSpan(this.#tracer, this.#execution, this.#parent, this.#now());
    this.#usageSeen = false;
  }

  #closeTurn(result: Fields): void {
    const turn = this.#turn;
    if (turn === undefined) return;
    const ledger = this.#account.ledgerOf(result, this.#version, this.#usageSeen);
    const outcome = outcomeOf(result);
    recordOutcome(turn.span, { ...outcome, model: this.#model }, resultErrorType(result));
    if (ledger === undefined) {
      turn.span.setAttribute(ATTR_USAGE_QUALITY, "lower_bound");
    } else {
      const totals = totalUsage(ledger.entries);
      const costUsd =
        ledger.entries.length === 0 ? amountOf(result["total_cost_usd"]) : totals.costUsd;
      recordUsage(
        turn.span,
        "ledger",
        ledger.entries,
        { ...totals, costUsd },
        ledger.quality,
        this.#now(),
      );
    }
    turn.span.end(this.#now());
    this.#turn = undefined;
  }

  #endWithoutResult(): void {
    const span = this.#turn?.span;
    if (this.#model !== undefined) span?.setAttribute(ATTR_GEN_AI_REQUEST_MODEL, this.#model);
    span?.end(this.#now());
    this.#turn = undefined;
  }
}

function opensTurn(message: Fields): boolean {
  if (message["type"] === "system") return message["subtype"] === "init";
  return textOf(message["parent_tool_use_id"]) === undefined;
}
