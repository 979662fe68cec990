/**
 * One query from its call to its end, however it ends: a turn, with its `invoke_agent` span, for
 * each result message. A result closes its turn; the next turn opens with its first message.
 */
import type { Attributes, Context, Span } from "@opentelemetry/api";
import {
  ATTR_ERROR_TYPE,
  ATTR_GEN_AI_CONVERSATION_ID,
  ATTR_GEN_AI_INPUT_MESSAGES,
  ATTR_GEN_AI_OUTPUT_MESSAGES,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_TOOL_CALL_ID,
  ATTR_GEN_AI_TOOL_NAME,
  ATTR_IS_TIMEOUT,
  ATTR_RETRY_ATTEMPT,
  ATTR_RETRY_DELAY_MS,
  ATTR_USAGE_QUALITY,
  EVENT_API_RETRY,
  EVENT_PERMISSION_DENIED,
} from "../attributes.ts";
import { BoundedMap } from "../bounded-map.ts";
import { messageAttribute } from "../content.ts";
import { errorType, recordError } from "../errors.ts";
import type { Execution, ModelUsage } from "../execution.ts";
import { type ExecutionSpan, startExecutionSpan } from "../execution-span.ts";
import { recordOutcome, recordUsage } from "../record-result.ts";
import { defined, totalUsage, type Usage } from "../usage-attributes.ts";
import { amountOf, countOf, type Fields, fieldsOf, textOf } from "../values.ts";
import type { Account } from "./account.ts";
import { outcomeOf } from "./result.ts";
import { RunTree } from "./run-tree.ts";
import { MAX_REMEMBERED, type SpanSource } from "./span-source.ts";

export interface QueryRunStart {
  source: Omit<SpanSource, "conversationId">;
  execution: Execution;
  /** The context in which the query was called: the parent of every turn. */
  parent: Context;
  account: Account;
  prompt: unknown;
}

/** Why messages end before the result: the consumer wanted no more of them. */
export const CLOSED_BY_CONSUMER = "closed_by_consumer";

export class QueryRun {
  readonly #start: QueryRunStart;
  readonly #source: SpanSource;
  readonly #tree: RunTree;
  readonly #denied = new BoundedMap<string, true>(MAX_REMEMBERED);
  readonly #results = new BoundedMap<string, true>(MAX_REMEMBERED);
  #turn: ExecutionSpan | undefined;
  #turnContext: Context;
  #sessionId: string | undefined;
  #requestModel: string | undefined;
  #version: string | undefined;
  #ended = false;

  constructor(start: QueryRunStart) {
    this.#start = start;
    this.#source = { ...start.source, conversationId: () => this.#sessionId };
    this.#turnContext = start.parent;
    this.#tree = new RunTree(this.#source, () => this.#turnContext);
    this.#openTurn();
    const prompt = typeof start.prompt === "string" ? start.prompt : undefined;
    this.#set(
      messageAttribute(
        ATTR_GEN_AI_INPUT_MESSAGES,
        "user",
        this.#source.content.capture(prompt, "prompt"),
      ),
    );
  }

  /** Active while the query starts and while its next message is awaited. */
  get context(): Context {
    return this.#turn?.context ?? this.#start.parent;
  }

  observe(value: unknown): void {
    const message = fieldsOf(value);
    if (this.#ended || message === undefined || this.#isRepeatedResult(message)) return;
    const sessionId = textOf(message["session_id"]);
    if (sessionId !== undefined && sessionId !== this.#sessionId) {
      this.#sessionId = sessionId;
      this.#set({ [ATTR_GEN_AI_CONVERSATION_ID]: sessionId });
    }
    if (this.#turn === undefined && opensTurn(message)) this.#openTurn();
    switch (message["type"]) {
      case "stream_event":
        this.#tree.streamEvent(message);
        break;
      case "assistant":
        this.#tree.assistant(message);
        break;
      case "user":
        // A resumed conversation may be replayed: that work was done in another run.
        if (message["isReplay"] !== true) this.#tree.user(message);
        break;
      case "system":
        this.#system(message);
        break;
      case "conversation_reset":
        this.#start.account.reset();
        break;
      case "result":
        this.#closeTurn(message);
        break;
    }
  }

  hook(input: unknown): void {
    const fields = fieldsOf(input);
    if (!this.#ended && fields !== undefined) this.#tree.hook(fields);
  }

  /** The query threw, itself or while it was read. */
  fail(error: unknown, isTimeout: boolean): void {
    this.#end(errorType(error), (span) => {
      recordError(span, error, this.#source.now());
      if (isTimeout) span.setAttribute(ATTR_IS_TIMEOUT, true);
    });
  }

  /** No more messages come. `reason` says why, where it was not the query that ended them. */
  end(reason?: typeof CLOSED_BY_CONSUMER): void {
    const conclusion = reason === undefined ? "error" : "failure";
    const errorType = reason ?? NO_RESULT;
    this.#end(errorType, (span) => recordOutcome(span, { conclusion, errorType }));
  }

  /**
   * What is still open has not come to its end. Without a result there is no account: the chat spans
   * show what was seen.
   */
  #end(errorType: string, record: (span: Span) => void): void {
    if (this.#ended) return;
    this.#ended = true;
    const turn = this.#turn;
    try {
      this.#tree.end(errorType);
      if (turn === undefined) return;
      record(turn.span);
      const { model } = this.#tree.chats.takeSeen();
      this.#set({ [ATTR_GEN_AI_RESPONSE_MODEL]: model, [ATTR_USAGE_QUALITY]: "lower_bound" });
    } finally {
      turn?.span.end(this.#source.now());
      this.#turn = undefined;
    }
  }

  #openTurn(): void {
    const { execution, parent } = this.#start;
    this.#turn = startExecutionSpan(this.#source.tracer, execution, parent, this.#source.now());
    this.#turnContext = this.#turn.context;
    if (this.#sessionId !== undefined)
      this.#set({ [ATTR_GEN_AI_CONVERSATION_ID]: this.#sessionId });
  }

  #system(message: Fields): void {
    switch (message["subtype"]) {
      case "init":
        this.#version = textOf(message["claude_code_version"]) ?? this.#version;
        this.#requestModel = textOf(message["model"]) ?? this.#requestModel;
        if (textOf(this.#start.execution.model) === undefined) {
          this.#set({ [ATTR_GEN_AI_REQUEST_MODEL]: this.#requestModel });
        }
        break;
      case "api_retry":
        this.#event(EVENT_API_RETRY, {
          [ATTR_RETRY_ATTEMPT]: countOf(message["attempt"]),
          [ATTR_RETRY_DELAY_MS]: amountOf(message["retry_delay_ms"]),
          [ATTR_ERROR_TYPE]: retryReason(message),
        });
        break;
      case "permission_denied":
        this.#permissionDenied(message);
        break;
      case "task_started":
      case "task_updated":
      case "task_notification":
        this.#tree.task(message);
        break;
    }
  }

  /** What a result added is counted once, however often it is told. */
  #isRepeatedResult(message: Fields): boolean {
    const id = message["type"] === "result" ? textOf(message["uuid"]) : undefined;
    if (id === undefined) return false;
    if (this.#results.has(id)) return true;
    this.#results.set(id, true);
    return false;
  }

  #permissionDenied(denial: Fields): void {
    const id = textOf(denial["tool_use_id"]);
    if (id === undefined || this.#denied.has(id)) return;
    this.#denied.set(id, true);
    this.#tree.denied(id);
    this.#event(EVENT_PERMISSION_DENIED, {
      [ATTR_GEN_AI_TOOL_NAME]: textOf(denial["tool_name"]),
      [ATTR_GEN_AI_TOOL_CALL_ID]: id,
    });
  }

  #closeTurn(result: Fields): void {
    const turn = this.#turn;
    if (turn === undefined) return;
    const denials = result["permission_denials"];
    for (const denial of Array.isArray(denials) ? denials : []) {
      this.#permissionDenied(fieldsOf(denial) ?? {});
    }
    const outcome = outcomeOf(result);
    this.#tree.endTurn(outcome.errorType);
    recordOutcome(turn.span, outcome);
    this.#recordAccount(turn, result);
    const text = this.#source.content.capture(result["result"], "completion");
    this.#set(messageAttribute(ATTR_GEN_AI_OUTPUT_MESSAGES, "assistant", text));
    turn.span.end(this.#source.now());
    this.#turn = undefined;
  }

  #recordAccount({ span }: ExecutionSpan, result: Fields): void {
    const { usage, model } = this.#tree.chats.takeSeen();
    const seen = { usage, model: model ?? this.#requestModel };
    const ledger = this.#start.account.ledgerOf(result, this.#version, seen);
    this.#set({ [ATTR_GEN_AI_RESPONSE_MODEL]: ledger?.model ?? model });
    if (ledger === undefined) {
      this.#set({ [ATTR_USAGE_QUALITY]: "lower_bound" });
      return;
    }
    const { entries, quality } = ledger;
    const provider = textOf(this.#start.execution.provider) ?? soleProvider(entries);
    this.#set({ [ATTR_GEN_AI_PROVIDER_NAME]: provider });
    const totals = entries.length === 0 ? NO_USAGE : totalUsage(entries);
    recordUsage(span, "ledger", entries, totals, quality, this.#source.now());
  }

  #set(attributes: Attributes): void {
    this.#turn?.span.setAttributes(defined(attributes));
  }

  #event(name: string, attributes: Attributes): void {
    this.#turn?.span.addEvent(name, defined(attributes), this.#source.now());
  }
}

/** A run that is known to have used nothing cost nothing, which is not the same as unknown. */
const NO_USAGE: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  costUsd: 0,
};

function soleProvider(entries: readonly ModelUsage[]): string | undefined {
  const providers = new Set(entries.map((entry) => entry.provider));
  return providers.size === 1 ? entries[0]?.provider : undefined;
}

const NO_RESULT = "no_result";

/** The HTTP status, or a word where no answer came at all. */
function retryReason(message: Fields): string {
  const status = countOf(message["error_status"]);
  return status === undefined ? (textOf(message["error"]) ?? "_OTHER") : String(status);
}

/** Between turns, messages of background tasks come; they open none. */
function opensTurn(message: Fields): boolean {
  if (textOf(message["parent_tool_use_id"]) !== undefined) return false;
  if (message["type"] === "system") return message["subtype"] === "init";
  return TURN_MESSAGES.has(message["type"]);
}

const TURN_MESSAGES: ReadonlySet<unknown> = new Set(["assistant", "stream_event", "result"]);
