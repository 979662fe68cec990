/**
 * One `execute_tool` span for each tool call, by its `tool_use_id`. Hooks tell when a tool truly
 * ran; messages alone only tell when it was asked for and when its result came back. So the span of
 * a finished call is started late, with its true times, unless something beneath it needs it first.
 */
import { type Context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  ATTR_ERROR_TYPE,
  ATTR_GEN_AI_TOOL_CALL_ARGUMENTS,
  ATTR_GEN_AI_TOOL_CALL_ID,
  ATTR_GEN_AI_TOOL_CALL_RESULT,
  ATTR_GEN_AI_TOOL_NAME,
  ATTR_GEN_AI_TOOL_TYPE,
  ATTR_MCP_SERVER_NAME,
  OPERATION_EXECUTE_TOOL,
} from "../attributes.ts";
import { BoundedMap } from "../bounded-map.ts";
import { defined } from "../usage-attributes.ts";
import { MAIN, MAX_REMEMBERED, type Scope, type SpanSource, startSpan } from "./span-source.ts";

export interface ToolCall {
  id: string;
  name: string;
  /** Undefined while only a hook has told of the call. */
  scope: Scope | undefined;
  /** The subagent's id, as hooks name it. */
  agentId: string | undefined;
  /** The kind of subagent that the call asks for. */
  subagentType: string | undefined;
  seenMs: number;
  startedMs: number | undefined;
  endedMs: number | undefined;
  /** How long the tool itself ran. */
  durationMs: number | undefined;
  errorType: string | undefined;
  arguments: string | undefined;
  result: string | undefined;
  span: Span | undefined;
}

/** What a subagent needs to know of the call that started it. */
export type Within = Pick<ToolCall, "subagentType"> & { scope: Scope; context: Context };

export const PERMISSION_DENIED = "permission_denied";

export class ToolSpans {
  readonly #source: SpanSource;
  readonly #contextOf: (scope: Scope) => Context;
  readonly #scopeOfAgent: (agentId: string) => Scope | undefined;
  readonly #open = new Map<string, ToolCall>();
  /** What may still start beneath an ended call: a subagent that it sent to the background. */
  readonly #closed = new BoundedMap<string, Within>(MAX_REMEMBERED);

  constructor(
    source: SpanSource,
    contextOf: (scope: Scope) => Context,
    scopeOfAgent: (agentId: string) => Scope | undefined,
  ) {
    this.#source = source;
    this.#contextOf = contextOf;
    this.#scopeOfAgent = scopeOfAgent;
  }

  /** The open call with this id, opened by whatever tells of it first; none once it has ended. */
  open(id: string, name: string): ToolCall | undefined {
    const known = this.#open.get(id);
    if (known !== undefined || this.#closed.has(id)) return known;
    if (this.#open.size >= MAX_REMEMBERED) {
      const [oldest] = this.#open.keys();
      if (oldest !== undefined) this.close(oldest, "_OTHER");
    }
    const call: ToolCall = {
      id,
      name,
      scope: undefined,
      agentId: undefined,
      subagentType: undefined,
      seenMs: this.#source.now(),
      startedMs: undefined,
      endedMs: undefined,
      durationMs: undefined,
      errorType: undefined,
      arguments: undefined,
      result: undefined,
      span: undefined,
    };
    this.#open.set(id, call);
    return call;
  }

  get(id: string): ToolCall | undefined {
    return this.#open.get(id);
  }

  calls(): ToolCall[] {
    return [...this.#open.values()];
  }

  scopeOf(call: ToolCall): Scope {
    if (call.scope !== undefined) return call.scope;
    return (call.agentId === undefined ? undefined : this.#scopeOfAgent(call.agentId)) ?? MAIN;
  }

  /** For a subagent: the call that starts it, whose own span starts now at the latest. */
  within(id: string, name: string): Within | undefined {
    const call = this.open(id, name);
    if (call === undefined) return this.#closed.get(id);
    const scope = this.scopeOf(call);
    const parent = this.#contextOf(scope);
    call.span ??= this.#start(call, parent);
    return {
      scope,
      context: trace.setSpan(parent, call.span),
      subagentType: call.subagentType,
    };
  }

  /** Ends a call; `errorType` is why, where it is ended before its result came. */
  close(id: string, errorType?: string): void {
    const call = this.#open.get(id);
    if (call === undefined) return;
    this.#open.delete(id);
    const scope = this.scopeOf(call);
    const parent = this.#contextOf(scope);
    const endMs = call.endedMs ?? this.#source.now();
    const span = call.span ?? this.#start(call, parent);
    const { subagentType } = call;
    this.#closed.set(id, { scope, subagentType, context: trace.setSpan(parent, span) });
    const error = call.errorType ?? (call.endedMs === undefined ? errorType : undefined);
    span.setAttributes(
      defined({
        [ATTR_GEN_AI_TOOL_CALL_ARGUMENTS]: call.arguments,
        [ATTR_GEN_AI_TOOL_CALL_RESULT]: call.result,
        [ATTR_ERROR_TYPE]: error,
      }),
    );
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endMs);
  }

  #start(call: ToolCall, parent: Context): Span {
    return startSpan(this.#source, parent, {
      operation: OPERATION_EXECUTE_TOOL,
      subject: call.name,
      kind: SpanKind.INTERNAL,
      startMs: startOf(call),
      attributes: {
        [ATTR_GEN_AI_TOOL_NAME]: call.name,
        [ATTR_GEN_AI_TOOL_CALL_ID]: call.id,
        [ATTR_GEN_AI_TOOL_TYPE]: "function",
        [ATTR_MCP_SERVER_NAME]: mcpServer(call.name),
      },
    });
  }
}

/**
 * The tool's own time where a hook told it: permission prompts and hooks are not the tool's. A hook
 * that comes late does not make a call begin after its end.
 */
function startOf(call: ToolCall): number {
  const { endedMs, durationMs, startedMs, seenMs } = call;
  if (endedMs === undefined) return startedMs ?? seenMs;
  return durationMs === undefined ? Math.min(startedMs ?? seenMs, endedMs) : endedMs - durationMs;
}

/** `calc` of `mcp__calc__add`. */
function mcpServer(toolName: string): string | undefined {
  return /^mcp__(.+?)__./.exec(toolName)?.[1];
}
