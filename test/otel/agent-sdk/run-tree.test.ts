/** Orders and gaps in the stream that the recorded runs do not show. */
import { expect, test } from "bun:test";
import { diag } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { instrumentQuery } from "../../../src/otel/agent-sdk/instrument-query.ts";
import { drain } from "../../support/drain.ts";
import { recordSpans } from "../../support/recording-tracer.ts";
import { type QueryParams, replayQuery, type SdkMessage } from "../../support/replay-query.ts";
import { spanTree } from "../../support/span-tree.ts";

const INIT: SdkMessage = { type: "system", subtype: "init", session_id: "s", model: "m" };
const RESULT: SdkMessage = { type: "result", subtype: "success", session_id: "s" };
const USAGE = { input_tokens: 7, output_tokens: 1 };

const assistant = (id: string, content: unknown[], fields: object = {}): SdkMessage => ({
  type: "assistant",
  message: { id, model: "m", usage: USAGE, content },
  ...fields,
});
const toolUse = (id: string, name: string, input: object = {}) => ({
  type: "tool_use",
  id,
  name,
  input,
});
const toolResult = (id: string, fields: object = {}, message: object = {}): SdkMessage => ({
  type: "user",
  message: { content: [{ type: "tool_result", tool_use_id: id, content: "x", ...fields }] },
  ...message,
});
const event = (value: object, fields: object = {}): SdkMessage => ({
  type: "stream_event",
  event: value,
  ...fields,
});
const messageStart = (id: string, fields: object = {}): SdkMessage =>
  event({ type: "message_start", message: { id, model: "m", usage: USAGE } }, fields);
const messageDelta = (outputTokens: number, fields: object = {}): SdkMessage =>
  event({ type: "message_delta", usage: { output_tokens: outputTokens }, delta: {} }, fields);
const hook = (name: string, id: string, fields: object = {}): SdkMessage => ({
  HOOK: { hook_event_name: name, tool_use_id: id, tool_name: "Bash", ...fields },
});

/** Plays messages, and hooks where they stand among them. */
async function play(...steps: SdkMessage[]): Promise<ReadableSpan[]> {
  const recording = recordSpans();
  const messages = steps.filter((step) => step["HOOK"] === undefined);
  const arrivalMs = steps.flatMap((step, i) => (step["HOOK"] === undefined ? [i] : []));
  const hooks = steps.flatMap((step, atMs) => {
    const input = step["HOOK"] as Record<string, unknown> | undefined;
    if (input === undefined) return [];
    const toolUseId = String(input["tool_use_id"]);
    return [{ event: String(input["hook_event_name"]), toolUseId, atMs, input }];
  });
  const query = instrumentQuery(
    recording.tracer,
    (params: QueryParams) => replayQuery({ messages, arrivalMs, hooks, error: undefined })(params),
    {
      onError: (error) => {
        throw error;
      },
    },
  );
  expect(await drain(query({ prompt: "go" }))).toBeUndefined();
  expect(recording.endings().every((times) => times === 1)).toBe(true);
  return recording.spans();
}

const beneath = (spans: ReadableSpan[]): string[] => spanTree(spans).trim().split("\n").slice(1);

test("blocks of one response around a tool's result are one chat", async () => {
  const spans = await play(
    INIT,
    assistant("a", [toolUse("t1", "Bash")]),
    toolResult("t1"),
    assistant("a", [toolUse("t2", "Bash")]),
    toolResult("t2"),
    RESULT,
  );
  expect(spans.filter((span) => span.name.startsWith("chat")).length).toBe(1);
});

test("a message that repeats a response after its stream has ended is no second chat", async () => {
  const stop = event({ type: "message_stop" });
  const spans = await play(
    INIT,
    messageStart("a"),
    messageDelta(5),
    stop,
    assistant("a", []),
    RESULT,
  );
  expect(beneath(spans)).toEqual(["  chat m CLIENT"]);
  expect(spans[1]?.attributes["gen_ai.usage.output_tokens"]).toBe(5);
});

test("a stream that broke and was tried again is a chat of unknown output, then a whole one", async () => {
  const spans = await play(INIT, messageStart("a"), messageStart("b"), messageDelta(5), RESULT);
  const chats = spans.filter((span) => span.name.startsWith("chat"));
  expect(
    chats.map(({ attributes }) => [
      attributes["gen_ai.response.id"],
      attributes["gen_ai.usage.output_tokens"],
      attributes["spanledger.usage.quality"],
    ]),
  ).toEqual([
    ["a", undefined, "lower_bound"],
    ["b", 5, "exact"],
  ]);
});

test("a delta that says null of the input takes nothing from what the start told", async () => {
  const usage = { output_tokens: 9, input_tokens: null, cache_read_input_tokens: null };
  const [, chat] = await play(
    messageStart("a"),
    event({ type: "message_delta", usage, delta: { stop_reason: "end_turn" } }),
    event({ type: "message_stop" }),
    RESULT,
  );
  expect(chat?.attributes).toMatchObject({
    "gen_ai.usage.input_tokens": 7,
    "gen_ai.usage.output_tokens": 9,
  });
});

test("streams of the main conversation and of a subagent interleave", async () => {
  const inside = { parent_tool_use_id: "t", agent_id: "agent" };
  const spans = await play(
    INIT,
    assistant("a", [toolUse("t", "Task", { subagent_type: "Explore" })]),
    messageStart("b"),
    messageStart("c", inside),
    messageDelta(5),
    messageDelta(9, inside),
    RESULT,
  );
  expect(beneath(spans)).toEqual([
    "  chat m CLIENT",
    "  chat m CLIENT",
    "  execute_tool Task INTERNAL",
    "    invoke_agent Explore INTERNAL",
    "      chat m CLIENT",
  ]);
  const outputs = spans.map((span) => [
    span.attributes["gen_ai.response.id"],
    span.attributes["gen_ai.usage.output_tokens"],
  ]);
  expect(outputs).toContainEqual(["b", 5]);
  expect(outputs).toContainEqual(["c", 9]);
});

test("hooks that come before the messages they are about name the same call", async () => {
  const spans = await play(
    INIT,
    hook("PreToolUse", "t"),
    hook("PostToolUse", "t", { duration_ms: 12 }),
    assistant("a", [toolUse("t", "Bash")]),
    toolResult("t"),
    RESULT,
  );
  expect(beneath(spans)).toEqual(["  chat m CLIENT", "  execute_tool Bash INTERNAL"]);
});

test("hooks that come after a call has ended change nothing", async () => {
  const spans = await play(
    INIT,
    assistant("a", [toolUse("t", "Bash")]),
    toolResult("t"),
    hook("PostToolUseFailure", "t", { duration_ms: 12 }),
    RESULT,
    hook("PreToolUse", "t"),
  );
  expect(beneath(spans)).toEqual(["  chat m CLIENT", "  execute_tool Bash INTERNAL"]);
});

test("a call does not begin after its end, however late a hook tells of its start", async () => {
  const warnings: string[] = [];
  const ignore = () => {};
  const warn = (message: string) => warnings.push(message);
  diag.setLogger({ error: ignore, warn, info: ignore, debug: ignore, verbose: ignore });
  await play(
    assistant("a", [toolUse("t", "Bash")]),
    toolResult("t", { is_error: true }),
    hook("PreToolUse", "t"),
    RESULT,
  );
  diag.disable();
  expect(warnings).toEqual([]);
});

test("a failure that only the hook tells of is the tool's error", async () => {
  const spans = await play(
    INIT,
    assistant("a", [toolUse("t", "Bash")]),
    hook("PostToolUseFailure", "t", { duration_ms: 12 }),
    RESULT,
  );
  expect(beneath(spans)).toContain("  execute_tool Bash INTERNAL error=tool_error");
});

test("a denial that only the result tells of is the tool's error, and one event", async () => {
  const denial = { tool_name: "Bash", tool_use_id: "t", tool_input: { command: "rm" } };
  const [run, ...spans] = await play(
    INIT,
    assistant("a", [toolUse("t", "Bash")]),
    { type: "system", subtype: "permission_denied", tool_name: "Bash", tool_use_id: "u" },
    toolResult("t", { is_error: true }),
    { ...RESULT, permission_denials: [denial, { ...denial, tool_use_id: "u" }] },
  );
  expect(spans.at(-1)?.attributes["error.type"]).toBe("permission_denied");
  expect(
    run?.events.map(({ name, attributes }) => [name, attributes?.["gen_ai.tool.call.id"]]),
  ).toEqual([
    ["spanledger.permission_denied", "u"],
    ["spanledger.permission_denied", "t"],
  ]);
});

test("an error of a tool whose permission is not told of is a tool error", async () => {
  const spans = await play(
    INIT,
    assistant("a", [toolUse("t", "Bash")]),
    toolResult("t", { is_error: true }),
    RESULT,
  );
  expect(spans.at(-1)?.attributes["error.type"]).toBe("tool_error");
});

test("a retry is an event with its number, its delay and its reason", async () => {
  const retry = { attempt: 2, retry_delay_ms: 614, error_status: 529, error: "overloaded" };
  const [run] = await play(INIT, { type: "system", subtype: "api_retry", ...retry }, RESULT);
  expect(run?.events.map(({ name, attributes }) => [name, attributes])).toEqual([
    [
      "spanledger.api_retry",
      { "spanledger.retry.attempt": 2, "spanledger.retry.delay_ms": 614, "error.type": "529" },
    ],
  ]);
});

test("a retry of which no reason is known is an event as well", async () => {
  const odd = { type: "system", subtype: "api_retry", error_status: Object.create(null) };
  const [turn] = await play(odd, RESULT);
  expect(turn?.events[0]?.attributes).toEqual({ "error.type": "_OTHER" });
});

test("a subagent may be heard of after the call that sent it to the background has ended", async () => {
  const task = { task_id: "agent", tool_use_id: "t", task_type: "local_agent" };
  const spans = await play(
    INIT,
    assistant("a", [toolUse("t", "Agent", { subagent_type: "Explore" })]),
    toolResult("t", {}, { tool_use_result: { status: "async_launched" } }),
    { type: "system", subtype: "task_started", ...task, is_backgrounded: true },
    RESULT,
    assistant("b", [], { parent_tool_use_id: "t" }),
    { type: "system", subtype: "task_notification", task_id: "agent", status: "failed" },
  );
  expect(beneath(spans)).toEqual([
    "  chat m CLIENT",
    "  execute_tool Agent INTERNAL",
    "    invoke_agent Explore INTERNAL error=failed",
    "      chat m CLIENT",
  ]);
});

test("what a subagent says late stands beneath it, although it has ended", async () => {
  const task = { task_id: "agent", tool_use_id: "t", subagent_type: "Explore" };
  const spans = await play(
    INIT,
    assistant("a", [toolUse("t", "Agent")]),
    { type: "system", subtype: "task_started", ...task },
    { type: "system", subtype: "task_notification", ...task, status: "completed" },
    assistant("b", [], { parent_tool_use_id: "t" }),
    toolResult("t"),
    RESULT,
  );
  expect(beneath(spans)).toEqual([
    "  chat m CLIENT",
    "  execute_tool Agent INTERNAL",
    "    invoke_agent Explore INTERNAL",
    "      chat m CLIENT",
  ]);
});

test("tasks that are no agents, and replayed messages, open nothing", async () => {
  const task = { task_id: "shell", tool_use_id: "t", task_type: "local_bash" };
  const spans = await play(
    INIT,
    { ...toolResult("old"), isReplay: true },
    { type: "system", subtype: "task_started", ...task },
    { type: "system", subtype: "task_notification", ...task, status: "completed" },
    RESULT,
  );
  expect(spans.map((span) => span.name)).toEqual(["invoke_agent claude"]);
});

test("what comes between two turns opens none", async () => {
  const spans = await play(
    INIT,
    RESULT,
    { type: "system", subtype: "task_notification", task_id: "x", status: "completed" },
    { type: "user", message: { content: "a prompt" } },
    { type: "rate_limit_event" },
  );
  expect(spans.length).toBe(1);
});
