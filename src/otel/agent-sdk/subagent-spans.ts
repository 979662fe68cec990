/**
 * One `invoke_agent` span for each run of a subagent, beneath the tool call that started it. A
 * subagent in the background outlives that call, and even the result of the turn.
 */
import { type Context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  ATTR_ERROR_TYPE,
  ATTR_GEN_AI_AGENT_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  OPERATION_INVOKE_AGENT,
} from "../attributes.ts";
import { BoundedMap } from "../bounded-map.ts";
import { MAX_REMEMBERED, type Scope, type SpanSource, startSpan } from "./span-source.ts";

/** Messages could name each other as parents; no search for a parent goes on for ever. */
const MAX_DEPTH = 64;

export interface Subagent {
  /** The id of the tool call that started it, which is the scope of its messages. */
  scope: Scope;
  /** The scope of that tool call. */
  parentScope: Scope;
  span: Span;
  context: Context;
  background: boolean;
  /** When a hook told that it stopped. */
  stoppedMs: number | undefined;
}

export interface SubagentStart {
  scope: Scope;
  parentScope: Scope;
  parent: Context;
  type: string | undefined;
}

export class SubagentSpans {
  readonly #source: SpanSource;
  readonly #open = new Map<Scope, Subagent>();
  /** Contexts of ended ones, for messages that come late. */
  readonly #ended = new BoundedMap<Scope, Context>(MAX_REMEMBERED);
  readonly #scopes = new BoundedMap<string, Scope>(MAX_REMEMBERED);

  constructor(source: SpanSource) {
    this.#source = source;
  }

  start(start: SubagentStart): Subagent {
    const type = start.type ?? "subagent";
    const span = startSpan(this.#source, start.parent, {
      operation: OPERATION_INVOKE_AGENT,
      subject: type,
      kind: SpanKind.INTERNAL,
      startMs: this.#source.now(),
      attributes: {
        [ATTR_GEN_AI_AGENT_NAME]: type,
        [ATTR_GEN_AI_PROVIDER_NAME]: this.#source.provider,
      },
    });
    const agent: Subagent = {
      scope: start.scope,
      parentScope: start.parentScope,
      span,
      context: trace.setSpan(start.parent, span),
      background: false,
      stoppedMs: undefined,
    };
    const [oldest] = this.#open.keys();
    if (this.#open.size >= MAX_REMEMBERED && oldest !== undefined) this.end(oldest, "_OTHER");
    this.#open.set(agent.scope, agent);
    return agent;
  }

  get(scope: Scope): Subagent | undefined {
    return this.#open.get(scope);
  }

  contextOf(scope: Scope): Context | undefined {
    return this.#open.get(scope)?.context ?? this.#ended.get(scope);
  }

  /** Remembers which messages belong to the agent that tasks and hooks know by this id. */
  nameAgent(agentId: string, scope: Scope): void {
    if (this.#scopes.get(agentId) !== scope) this.#scopes.set(agentId, scope);
  }

  scopeOfAgent(agentId: string): Scope | undefined {
    return this.#scopes.get(agentId);
  }

  /** Whether what happens in a scope may outlive the turn: it or one above it is in the background. */
  outlivesTurn(scope: Scope): boolean {
    let agent = this.#open.get(scope);
    for (let depth = 0; agent !== undefined && depth < MAX_DEPTH; depth++) {
      if (agent.background) return true;
      agent = this.#open.get(agent.parentScope);
    }
    return false;
  }

  /** Open ones, the innermost first. */
  agents(): Subagent[] {
    return [...this.#open.values()].reverse();
  }

  end(scope: Scope, errorType?: string): void {
    const agent = this.#open.get(scope);
    if (agent === undefined) return;
    this.#open.delete(scope);
    this.#ended.set(scope, agent.context);
    if (errorType !== undefined) {
      agent.span.setAttribute(ATTR_ERROR_TYPE, errorType);
      agent.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    agent.span.end(agent.stoppedMs ?? this.#source.now());
  }
}
