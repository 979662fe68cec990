/**
 * Typical agent traces without end: an executor, the agent within it with its account, eight calls of
 * a model and ten of tools; 20 spans, in the order in which they end. Several runs at once, as a bot
 * has them, so that the spans of a trace come in more than one batch.
 */
import { SpanKind } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import {
  ATTR_CACHE_WRITE_1H_TOKENS,
  ATTR_CACHE_WRITE_5M_TOKENS,
  ATTR_CONCLUSION,
  ATTR_COST_BASIS,
  ATTR_COST_USD,
  ATTR_DELIVERY_ID,
  ATTR_DURATION_MS,
  ATTR_EVENT_TYPE,
  ATTR_EXECUTION,
  ATTR_EXECUTION_NESTED,
  ATTR_GEN_AI_AGENT_NAME,
  ATTR_GEN_AI_CONVERSATION_ID,
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_RESPONSE_FINISH_REASONS,
  ATTR_GEN_AI_RESPONSE_ID,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_TOOL_CALL_ID,
  ATTR_GEN_AI_TOOL_NAME,
  ATTR_GEN_AI_TOOL_TYPE,
  ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  ATTR_NUM_TURNS,
  ATTR_USAGE_QUALITY,
  ATTR_USAGE_SCOPE,
  ATTR_VCS_CHANGE_ID,
  ATTR_VCS_OWNER_NAME,
  ATTR_VCS_REPOSITORY_NAME,
  EVENT_MODEL_USAGE,
} from "../../src/otel/attributes.ts";

const RUNS_AT_ONCE = 8;
/** As fast as they are written, so that what is done by the clock is done as often as it would be. */
const START_EVERY_MS = 0.5;
const START_S = Date.UTC(2026, 10, 20) / 1000;
const MODEL = "claude-sonnet-4-5";
const TOOLS = ["Read", "Bash", "Grep", "Edit", "Glob"] as const;
const RESOURCE = resourceFromAttributes({
  "service.name": "review-bot",
  "telemetry.sdk.language": "nodejs",
  "telemetry.sdk.name": "opentelemetry",
});
const SCOPE = { name: "spanledger", version: "1.0.0" };

/** Ids as random as an SDK's, and the same in every run. */
class Ids {
  #state = 0x9e3779b9;

  hex(digits: number): string {
    let text = "";
    while (text.length < digits) {
      this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
      const mixed = Math.imul(this.#state ^ (this.#state >>> 15), 0x2c1b3c6d) >>> 0;
      text += mixed.toString(16).padStart(8, "0");
    }
    return text;
  }
}

type Attributes = ReadableSpan["attributes"];

interface Made {
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  name: string;
  kind: SpanKind;
  startMs: number;
  durationMs: number;
  attributes: Attributes;
  events?: ReadableSpan["events"];
}

function readable(made: Made): ReadableSpan {
  const { traceId, spanId, parentSpanId, name, kind, startMs, durationMs } = made;
  const time = (ms: number): [number, number] => [
    START_S + Math.floor(ms / 1000),
    Math.floor((ms % 1000) * 1e6) + 123,
  ];
  const context = { traceId, spanId, traceFlags: 1 };
  return {
    name,
    kind,
    spanContext: () => context,
    ...(parentSpanId
      ? { parentSpanContext: { traceId, spanId: parentSpanId, traceFlags: 1 } }
      : {}),
    startTime: time(startMs),
    endTime: time(startMs + durationMs),
    duration: [Math.floor(durationMs / 1000), Math.floor((durationMs % 1000) * 1e6)],
    status: { code: 0 },
    attributes: made.attributes,
    events: made.events ?? [],
    links: [],
    ended: true,
    resource: RESOURCE,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function usageAttributes(turn: number): Attributes {
  return {
    [ATTR_GEN_AI_USAGE_INPUT_TOKENS]: 2060 + turn * 311,
    [ATTR_GEN_AI_USAGE_OUTPUT_TOKENS]: 180 + turn,
    [ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS]: turn * 2048,
    [ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS]: 2048,
    [ATTR_CACHE_WRITE_5M_TOKENS]: 2048,
    [ATTR_CACHE_WRITE_1H_TOKENS]: 0,
  };
}

/** One run, in the order in which its spans end. */
function* run(n: number, ids: Ids): Generator<ReadableSpan> {
  const traceId = ids.hex(32);
  const executor = ids.hex(16);
  const agent = ids.hex(16);
  const session = `${ids.hex(8)}-${ids.hex(4)}-${ids.hex(4)}-${ids.hex(4)}-${ids.hex(12)}`;
  const startMs = n * START_EVERY_MS;
  const agentUsage = { ...usageAttributes(8), [ATTR_COST_USD]: 0.0123456 + (n % 1000) / 1e5 };
  const inAgent = { traceId, parentSpanId: agent };
  for (let turn = 0; turn < 10; turn++) {
    if (turn < 8) {
      yield readable({
        ...inAgent,
        spanId: ids.hex(16),
        name: `chat ${MODEL}`,
        kind: SpanKind.CLIENT,
        startMs: startMs + turn * 3000,
        durationMs: 1800.5,
        attributes: {
          [ATTR_GEN_AI_OPERATION_NAME]: "chat",
          [ATTR_GEN_AI_CONVERSATION_ID]: session,
          [ATTR_GEN_AI_PROVIDER_NAME]: "anthropic",
          [ATTR_GEN_AI_RESPONSE_MODEL]: MODEL,
          [ATTR_GEN_AI_RESPONSE_ID]: `msg_01${ids.hex(22)}`,
          ...usageAttributes(turn),
          [ATTR_USAGE_QUALITY]: "lower_bound",
        },
      });
    }
    const tool = TOOLS[turn % TOOLS.length] ?? "Read";
    yield readable({
      ...inAgent,
      spanId: ids.hex(16),
      name: `execute_tool ${tool}`,
      kind: SpanKind.INTERNAL,
      startMs: startMs + turn * 3000 + 1801,
      durationMs: 251.25,
      attributes: {
        [ATTR_GEN_AI_OPERATION_NAME]: "execute_tool",
        [ATTR_GEN_AI_CONVERSATION_ID]: session,
        [ATTR_GEN_AI_TOOL_NAME]: tool,
        [ATTR_GEN_AI_TOOL_CALL_ID]: `toolu_01${ids.hex(22)}`,
        [ATTR_GEN_AI_TOOL_TYPE]: "function",
      },
    });
  }
  yield readable({
    traceId,
    spanId: agent,
    parentSpanId: executor,
    name: "invoke_agent claude",
    kind: SpanKind.INTERNAL,
    startMs,
    durationMs: 31_000,
    attributes: {
      [ATTR_EXECUTION]: true,
      [ATTR_GEN_AI_OPERATION_NAME]: "invoke_agent",
      [ATTR_GEN_AI_AGENT_NAME]: "claude",
      [ATTR_GEN_AI_PROVIDER_NAME]: "anthropic",
      [ATTR_EXECUTION_NESTED]: true,
      [ATTR_GEN_AI_CONVERSATION_ID]: session,
      [ATTR_GEN_AI_REQUEST_MODEL]: MODEL,
      [ATTR_CONCLUSION]: "success",
      [ATTR_GEN_AI_RESPONSE_FINISH_REASONS]: ["end_turn"],
      [ATTR_NUM_TURNS]: 8,
      [ATTR_GEN_AI_RESPONSE_MODEL]: MODEL,
      ...agentUsage,
      [ATTR_USAGE_SCOPE]: "ledger",
      [ATTR_USAGE_QUALITY]: "exact",
    },
    events: [
      {
        name: EVENT_MODEL_USAGE,
        time: [START_S + Math.floor(startMs / 1000) + 31, 5],
        attributes: {
          [ATTR_GEN_AI_RESPONSE_MODEL]: MODEL,
          [ATTR_GEN_AI_PROVIDER_NAME]: "anthropic",
          ...agentUsage,
          [ATTR_COST_BASIS]: "list",
        },
      },
    ],
  });
  yield readable({
    traceId,
    spanId: executor,
    parentSpanId: null,
    name: "invoke_agent review",
    kind: SpanKind.INTERNAL,
    startMs,
    durationMs: 31_200,
    attributes: {
      [ATTR_EXECUTION]: true,
      [ATTR_GEN_AI_OPERATION_NAME]: "invoke_agent",
      [ATTR_GEN_AI_AGENT_NAME]: "review",
      [ATTR_GEN_AI_PROVIDER_NAME]: "anthropic",
      [ATTR_GEN_AI_REQUEST_MODEL]: MODEL,
      [ATTR_VCS_OWNER_NAME]: "acme",
      [ATTR_VCS_REPOSITORY_NAME]: `repo-${n % 12}`,
      [ATTR_VCS_CHANGE_ID]: String(n % 4000),
      [ATTR_DELIVERY_ID]: `${ids.hex(8)}-${ids.hex(4)}`,
      [ATTR_EVENT_TYPE]: "pull_request",
      [ATTR_CONCLUSION]: "success",
      [ATTR_DURATION_MS]: 31_200,
    },
  });
}

/** Spans of `RUNS_AT_ONCE` runs in turn; each run that is over makes room for the next. */
export function* agentSpans(): Generator<ReadableSpan> {
  const ids = new Ids();
  let runs = 0;
  const open = Array.from({ length: RUNS_AT_ONCE }, () => run(runs++, ids));
  for (;;) {
    for (const [lane, spans] of open.entries()) {
      let next = spans.next();
      if (next.done) {
        open[lane] = run(runs++, ids);
        next = open[lane].next();
      }
      if (!next.done) yield next.value;
    }
  }
}

/** The next `count` spans. */
export function take(spans: Generator<ReadableSpan>, count: number): ReadableSpan[] {
  const taken: ReadableSpan[] = [];
  while (taken.length < count) {
    const next = spans.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}
