/**
 * The tree of spans beneath the turns of one query: which message, task or hook belongs to which
 * chat, tool call and subagent. Hooks arrive out of band, before or after the messages they are
 * about, so everything is correlated by ids alone.
 */
import type { Context } from "@opentelemetry/api";
import { countOf, type Fields, fieldsOf, textOf } from "../values.ts";
import { ChatSpans } from "./chat-spans.ts";
import { MAIN, type Scope, type SpanSource } from "./span-source.ts";
import { type Subagent, SubagentSpans } from "./subagent-spans.ts";
import { PERMISSION_DENIED, ToolSpans } from "./tool-spans.ts";

export class RunTree {
  readonly chats: ChatSpans;
  readonly #source: SpanSource;
  readonly #tools: ToolSpans;
  readonly #subagents: SubagentSpans;

  /** `turnContext` gives the context of the turn that is open, or was last. */
  constructor(source: SpanSource, turnContext: () => Context) {
    const contextOf = (scope: Scope): Context =>
      (scope === MAIN ? undefined : this.#subagents.contextOf(scope)) ?? turnContext();
    this.#source = source;
    this.#subagents = new SubagentSpans(source);
    this.chats = new ChatSpans(source, contextOf);
    this.#tools = new ToolSpans(source, contextOf, (id) => this.#subagents.scopeOfAgent(id));
  }

  assistant(message: Fields): void {
    const scope = this.#scopeOf(message);
    const body = fieldsOf(message["message"]) ?? {};
    this.chats.block(scope, body, textOf(message["request_id"]));
    for (const block of blocksOf(body, "tool_use")) this.#toolUse(scope, block);
  }

  streamEvent(message: Fields): void {
    const event = fieldsOf(message["event"]);
    if (event === undefined) return;
    this.chats.streamEvent(this.#scopeOf(message), event, countOf(message["ttft_ms"]));
  }

  /** A `user` message: the results of tools. */
  user(message: Fields): void {
    this.#scopeOf(message);
    const launched = fieldsOf(message["tool_use_result"])?.["status"] === "async_launched";
    for (const block of blocksOf(fieldsOf(message["message"]) ?? {}, "tool_result")) {
      const id = textOf(block["tool_use_id"]);
      if (id === undefined) continue;
      const agent = this.#subagents.get(id);
      if (agent !== undefined && launched) agent.background = true;
      if (agent?.background === false) this.#endAgent(agent);
      this.#toolResult(id, block, decisionOf(message, id));
    }
  }

  /** `task_started`, `task_updated` and `task_notification`, of those tasks that are agents. */
  task(message: Fields): void {
    const taskId = textOf(message["task_id"]) ?? "";
    const scope = textOf(message["tool_use_id"]) ?? this.#subagents.scopeOfAgent(taskId);
    if (scope === undefined) return;
    if (message["subtype"] === "task_started" && isAgentTask(message)) {
      this.#openAgent(scope, message);
      this.#subagents.nameAgent(taskId, scope);
    }
    const agent = this.#subagents.get(scope);
    if (agent === undefined) return;
    const patch = fieldsOf(message["patch"]);
    agent.background ||= (patch ?? message)["is_backgrounded"] === true;
    if (message["subtype"] !== "task_notification") return;
    const status = textOf(message["status"]);
    this.#endAgent(agent, status === "completed" ? undefined : (status ?? "_OTHER"));
  }

  /** The input of a hook; ids tell which call it is about. */
  hook(input: Fields): void {
    const agentId = textOf(input["agent_id"]);
    if (input["hook_event_name"] === "SubagentStop") {
      const scope = agentId === undefined ? undefined : this.#subagents.scopeOfAgent(agentId);
      const agent = scope === undefined ? undefined : this.#subagents.get(scope);
      if (agent !== undefined) agent.stoppedMs = this.#source.now();
      return;
    }
    const id = textOf(input["tool_use_id"]);
    const call = id === undefined ? undefined : this.#tools.open(id, nameOf(input["tool_name"]));
    if (call === undefined) return;
    call.agentId ??= agentId;
    call.arguments ??= this.#source.content.capture(input["tool_input"], "tool_arguments");
    if (input["hook_event_name"] === "PreToolUse") {
      call.startedMs ??= this.#source.now();
      return;
    }
    call.endedMs ??= this.#source.now();
    call.durationMs ??= countOf(input["duration_ms"]);
    call.result ??= this.#source.content.capture(input["tool_response"], "tool_result");
    if (input["hook_event_name"] === "PostToolUseFailure") call.errorType ??= "tool_error";
  }

  /** A call that was not allowed. */
  denied(toolUseId: string): void {
    const call = this.#tools.get(toolUseId);
    if (call !== undefined) call.errorType = PERMISSION_DENIED;
  }

  /** Ends what a turn leaves behind; what runs in the background goes on. */
  endTurn(errorType: string | undefined): void {
    this.#end((scope) => !this.#subagents.outlivesTurn(scope), errorType);
  }

  /** Ends everything. */
  end(errorType: string): void {
    this.#end(() => true, errorType);
  }

  #end(ends: (scope: Scope) => boolean, errorType: string | undefined): void {
    for (const scope of this.chats.scopes()) if (ends(scope)) this.chats.close(scope);
    for (const agent of this.#subagents.agents()) {
      if (ends(agent.scope)) this.#endAgent(agent, errorType);
    }
    for (const call of this.#tools.calls()) {
      if (ends(this.#tools.scopeOf(call))) this.#tools.close(call.id, errorType);
    }
  }

  /** The scope of a message. A subagent may be heard of by its first message. */
  #scopeOf(message: Fields): Scope {
    const scope = textOf(message["parent_tool_use_id"]);
    if (scope === undefined) return MAIN;
    if (this.#subagents.contextOf(scope) === undefined) this.#openAgent(scope, message);
    const agentId = textOf(message["agent_id"]);
    if (agentId !== undefined) this.#subagents.nameAgent(agentId, scope);
    return scope;
  }

  #openAgent(scope: Scope, message: Fields): void {
    if (this.#subagents.get(scope) !== undefined) return;
    const within = this.#tools.within(scope, "Agent");
    if (within === undefined) return;
    this.#subagents.start({
      scope,
      parentScope: within.scope,
      parent: within.context,
      type: textOf(message["subagent_type"]) ?? within.subagentType,
    });
  }

  #endAgent(agent: Subagent, errorType?: string): void {
    this.chats.close(agent.scope);
    for (const call of this.#tools.calls()) {
      if (this.#tools.scopeOf(call) === agent.scope) this.#tools.close(call.id, errorType);
    }
    this.#subagents.end(agent.scope, errorType);
  }

  #toolUse(scope: Scope, block: Fields): void {
    const id = textOf(block["id"]);
    const call = id === undefined ? undefined : this.#tools.open(id, nameOf(block["name"]));
    if (call === undefined) return;
    call.scope ??= scope;
    call.subagentType ??= textOf(fieldsOf(block["input"])?.["subagent_type"]);
    call.arguments ??= this.#source.content.capture(block["input"], "tool_arguments");
  }

  #toolResult(id: string, block: Fields, decision: string | undefined): void {
    const call = this.#tools.get(id);
    if (call === undefined) return;
    call.endedMs ??= this.#source.now();
    // What the model was given, which may be less than what the tool told its hook.
    call.result = this.#source.content.capture(block["content"], "tool_result") ?? call.result;
    if (isDenial(decision)) call.errorType = PERMISSION_DENIED;
    else if (block["is_error"] === true) call.errorType ??= "tool_error";
    // Whether an error was a denial may be told by the result of the turn alone.
    const settled = call.errorType !== "tool_error" || decision !== undefined;
    if (settled) this.#tools.close(id);
  }
}

function blocksOf(body: Fields, type: string): Fields[] {
  const content = body["content"];
  if (!Array.isArray(content)) return [];
  return content.map(fieldsOf).filter((b): b is Fields => b?.["type"] === type);
}

/** What was decided about a call's permission, where the message says so. */
function decisionOf(message: Fields, toolUseId: string): string | undefined {
  const metas = message["tool_result_meta"];
  const meta = (Array.isArray(metas) ? metas : [])
    .map(fieldsOf)
    .find((m) => m?.["id"] === toolUseId);
  return textOf(fieldsOf(meta?.["permission_decision"])?.["decision"]);
}

function isDenial(decision: string | undefined): boolean {
  return decision === "reject" || decision === "deny";
}

function isAgentTask(message: Fields): boolean {
  return message["task_type"] === "local_agent" || textOf(message["subagent_type"]) !== undefined;
}

function nameOf(toolName: unknown): string {
  return textOf(toolName) ?? "unknown";
}
