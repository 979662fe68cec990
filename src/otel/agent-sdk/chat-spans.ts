/**
 * One `chat` span for each API response, by its `message.id`. A response arrives as one message a
 * content block, each repeating the same usage, whose output count is a placeholder; only stream
 * events tell the true start, end and output.
 */
import { type Context, type Span, SpanKind } from "@opentelemetry/api";
import {
  ATTR_ANTHROPIC_REQUEST_ID,
  ATTR_GEN_AI_OUTPUT_MESSAGES,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_RESPONSE_FINISH_REASONS,
  ATTR_GEN_AI_RESPONSE_ID,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
  ATTR_USAGE_QUALITY,
  OPERATION_CHAT,
} from "../attributes.ts";
import { BoundedMap } from "../bounded-map.ts";
import { messageAttribute } from "../content.ts";
import { defined, type Usage, usageAttributes } from "../usage-attributes.ts";
import { amountOf, countOf, type Fields, fieldsOf, textOf } from "../values.ts";
import { MAIN, MAX_REMEMBERED, type Scope, type SpanSource, startSpan } from "./span-source.ts";

export interface Seen {
  /** Whether any tokens were used. */
  usage: boolean;
  /** The model that the main conversation used last. */
  model: string | undefined;
}

interface Chat {
  id: string;
  span: Span;
  /** When it was last heard of. */
  lastMs: number;
  usage: Fields;
  /** Known from stream events alone. */
  outputTokens: number | undefined;
  stopReason: string | undefined;
  texts: string[];
}

/** The CLI's own words in the place of a model's, where the API gave none. */
const SYNTHETIC_MODEL = "<synthetic>";

export class ChatSpans {
  readonly #source: SpanSource;
  readonly #contextOf: (scope: Scope) => Context;
  readonly #open = new Map<Scope, Chat>();
  readonly #closed = new BoundedMap<string, true>(MAX_REMEMBERED);
  #model: string | undefined;
  #usageSeen = false;

  constructor(source: SpanSource, contextOf: (scope: Scope) => Context) {
    this.#source = source;
    this.#contextOf = contextOf;
  }

  /** What was seen since it was last asked. */
  takeSeen(): Seen {
    const seen = { usage: this.#usageSeen, model: this.#model };
    this.#usageSeen = false;
    this.#model = undefined;
    return seen;
  }

  /** An `assistant` message: one completed content block. */
  block(scope: Scope, message: Fields, requestId: string | undefined): void {
    const chat = this.#chatOf(scope, message, this.#source.now());
    if (chat === undefined) return;
    if (requestId !== undefined) chat.span.setAttribute(ATTR_ANTHROPIC_REQUEST_ID, requestId);
    chat.lastMs = this.#source.now();
    chat.stopReason = textOf(message["stop_reason"]) ?? chat.stopReason;
    const content = message["content"];
    for (const block of Array.isArray(content) ? content : []) {
      const text = this.#source.content.capture(fieldsOf(block)?.["text"], "completion");
      if (text !== undefined && chat.texts.length < MAX_REMEMBERED) chat.texts.push(text);
    }
  }

  /** A `stream_event` message. */
  streamEvent(scope: Scope, event: Fields, ttftMs: number | undefined): void {
    const now = this.#source.now();
    if (event["type"] === "message_start") {
      const chat = this.#chatOf(scope, fieldsOf(event["message"]) ?? {}, now - (ttftMs ?? 0));
      if (chat === undefined || ttftMs === undefined) return;
      chat.lastMs = now;
      chat.span.setAttribute(ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, ttftMs / 1000);
      return;
    }
    const chat = this.#open.get(scope);
    if (chat === undefined) return;
    chat.lastMs = now;
    if (event["type"] === "message_delta") {
      const usage = fieldsOf(event["usage"]);
      chat.usage = { ...chat.usage, ...known(usage) };
      chat.outputTokens = countOf(usage?.["output_tokens"]) ?? chat.outputTokens;
      chat.stopReason = textOf(fieldsOf(event["delta"])?.["stop_reason"]) ?? chat.stopReason;
    }
    if (event["type"] === "message_stop") this.close(scope);
  }

  scopes(): Scope[] {
    return [...this.#open.keys()];
  }

  close(scope: Scope): void {
    const chat = this.#open.get(scope);
    if (chat === undefined) return;
    this.#open.delete(scope);
    this.#closed.set(`${scope} ${chat.id}`, true);
    const { stopReason, texts } = chat;
    chat.span.setAttributes({
      ...usageAttributes(chatUsage(chat.usage, chat.outputTokens)),
      ...defined({
        [ATTR_GEN_AI_RESPONSE_FINISH_REASONS]: stopReason === undefined ? undefined : [stopReason],
        [ATTR_USAGE_QUALITY]: chat.outputTokens === undefined ? "lower_bound" : "exact",
      }),
      ...messageAttribute(
        ATTR_GEN_AI_OUTPUT_MESSAGES,
        "assistant",
        this.#source.content.join(texts),
      ),
    });
    chat.span.end(chat.lastMs);
  }

  /** The open chat that a message is part of; a new id in a scope ends the one before it. */
  #chatOf(scope: Scope, message: Fields, startMs: number): Chat | undefined {
    const id = textOf(message["id"]);
    const model = textOf(message["model"]);
    if (id === undefined || model === SYNTHETIC_MODEL) return undefined;
    const open = this.#open.get(scope);
    if (open?.id === id) return open;
    if (this.#closed.has(`${scope} ${id}`)) return undefined;
    this.close(scope);
    const [oldest] = this.#open.keys();
    if (this.#open.size >= MAX_REMEMBERED && oldest !== undefined) this.close(oldest);
    const usage = fieldsOf(message["usage"]) ?? {};
    this.#usageSeen ||= INPUT_COUNTERS.some((name) => (amountOf(usage[name]) ?? 0) > 0);
    if (scope === MAIN) this.#model = model ?? this.#model;
    const span = startSpan(this.#source, this.#contextOf(scope), {
      operation: OPERATION_CHAT,
      subject: model ?? "",
      kind: SpanKind.CLIENT,
      startMs,
      attributes: {
        [ATTR_GEN_AI_PROVIDER_NAME]: this.#source.provider,
        [ATTR_GEN_AI_RESPONSE_MODEL]: model,
        [ATTR_GEN_AI_RESPONSE_ID]: id,
      },
    });
    const chat: Chat = {
      id,
      span,
      lastMs: this.#source.now(),
      usage,
      outputTokens: undefined,
      stopReason: undefined,
      texts: [],
    };
    this.#open.set(scope, chat);
    return chat;
  }
}

/** A delta says null of what it does not tell again. */
function known(usage: Fields | undefined): Fields {
  return Object.fromEntries(Object.entries(usage ?? {}).filter(([, value]) => value !== null));
}

const INPUT_COUNTERS = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];

function chatUsage(usage: Fields, outputTokens: number | undefined): Usage {
  const cacheWrites = fieldsOf(usage["cache_creation"]);
  const details = fieldsOf(usage["output_tokens_details"]);
  return {
    inputTokens: usage["input_tokens"],
    outputTokens,
    cacheReadTokens: usage["cache_read_input_tokens"],
    cacheCreationTokens: usage["cache_creation_input_tokens"],
    cacheCreation5mTokens: cacheWrites?.["ephemeral_5m_input_tokens"],
    cacheCreation1hTokens: cacheWrites?.["ephemeral_1h_input_tokens"],
    reasoningTokens: outputTokens === undefined ? undefined : details?.["thinking_tokens"],
    webSearchRequests: fieldsOf(usage["server_tool_use"])?.["web_search_requests"],
  };
}
