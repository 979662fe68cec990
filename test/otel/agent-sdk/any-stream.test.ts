/** Any stream, read and left in any way: the host's messages and errors, and every span ended once. */
import { afterEach, expect, test } from "bun:test";
import { diag } from "@opentelemetry/api";
import fc from "fast-check";
import { instrumentQuery } from "../../../src/otel/agent-sdk/instrument-query.ts";
import { recordSpans } from "../../support/recording-tracer.ts";
import type { HookCallback, QueryParams, SdkMessage } from "../../support/replay-query.ts";

afterEach(() => diag.disable());

/** Few ids, so that messages meet; and what is none. */
const id = fc.constantFrom<unknown>("a", "b", "c", "", null, undefined, 5, "__proto__");
const amount = fc.constantFrom<unknown>(0, 1, 7, -1, 1.5, 1e300, Number.NaN, "7", null, undefined);
const flag = fc.constantFrom<unknown>(true, false, undefined, 1);
const model = fc.constantFrom<unknown>("claude-sonnet-4-5[1m]", "<synthetic>", "", 7, null);
const usage = fc.record({
  inputTokens: amount,
  outputTokens: amount,
  cacheReadInputTokens: amount,
  costUSD: amount,
  canonicalModel: model,
});
const byModel = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, {}, [], "x"),
  usage.map((m) => ({ m })),
);
const block = fc.oneof(
  fc.record({ type: fc.constant("text"), text: id }),
  fc.record({
    type: fc.constant("tool_use"),
    id,
    name: fc.constantFrom<unknown>("Bash", "Agent", "mcp__a__b", "", 3),
    input: fc.constantFrom<unknown>(null, 5, { subagent_type: "x" }, { n: 10n }),
  }),
  fc.record({ type: fc.constant("tool_result"), tool_use_id: id, is_error: flag, content: id }),
  fc.constant(null),
);
const content = fc.oneof(fc.array(block, { maxLength: 3 }), fc.constant("text"));
const body = fc.record({
  id,
  model,
  content,
  usage: fc.record({ input_tokens: amount, output_tokens: amount }),
});
const within = { parent_tool_use_id: id, agent_id: id, session_id: id };

const message: fc.Arbitrary<unknown> = fc.oneof(
  fc.record({ type: fc.constant("assistant"), message: body, ...within }),
  fc.record({ type: fc.constant("user"), message: fc.record({ content }), ...within }),
  fc.record({
    type: fc.constant("stream_event"),
    ...within,
    ttft_ms: amount,
    event: fc.oneof(
      fc.record({ type: fc.constant("message_start"), message: body }),
      fc.record({
        type: fc.constant("message_delta"),
        usage: fc.record({ output_tokens: amount }),
      }),
      fc.record({ type: fc.constant("message_stop") }),
    ),
  }),
  fc.record({
    type: fc.constant("system"),
    subtype: fc.constantFrom(
      "init",
      "api_retry",
      "permission_denied",
      "task_started",
      "task_updated",
      "task_notification",
    ),
    task_id: id,
    tool_use_id: id,
    task_type: fc.constantFrom("local_agent", "local_bash"),
    is_backgrounded: flag,
    error_status: amount,
    status: id,
    model,
  }),
  fc.record({ type: fc.constant("conversation_reset"), session_id: id }),
  fc.record({
    type: fc.constant("result"),
    subtype: fc.constantFrom<unknown>("success", "error_during_execution", "error_max_turns", 4),
    is_error: flag,
    session_id: id,
    uuid: id,
    modelUsage: byModel,
    model_usage_since_last_result: byModel,
    total_cost_usd: amount,
    usage: fc.record({ input_tokens: amount }),
    duration_ms: amount,
  }),
  fc.constantFrom<unknown>(null, undefined, 7, "text", [], {}),
);

const hook = fc.record({
  hook_event_name: fc.constantFrom(
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "SubagentStop",
  ),
  tool_use_id: id,
  agent_id: id,
  tool_name: id,
  duration_ms: amount,
});

const step = fc.oneof(
  { weight: 3, arbitrary: message.map((yielded) => ({ yielded })) },
  { weight: 1, arbitrary: hook.map((called) => ({ called })) },
);
type Step = { yielded: unknown } | { called: Record<string, unknown> };

const thrown = fc.constantFrom<unknown>(
  undefined,
  null,
  "text",
  new Error("broken"),
  Object.freeze({
    get message(): string {
      throw new Error("no message");
    },
  }),
);

/** How the host leaves its loop after so many messages, where they do not end before. */
const leaving = fc.record({
  how: fc.constantFrom("never", "break", "throw", "return", "close"),
  after: fc.nat(30),
});
type Leaving = { how: string; after: number };

const HOST_ERROR = new Error("The host's own.");
const { signal } = new AbortController();

function queryOf(steps: readonly Step[], error: { thrown: unknown } | null) {
  async function* play({ options }: QueryParams): AsyncGenerator<SdkMessage, void> {
    for (const step of steps) {
      if ("yielded" in step) yield step.yielded as SdkMessage;
      else await callHooks(options?.hooks?.[String(step.called["hook_event_name"])], step.called);
    }
    if (error !== null) throw error.thrown;
  }
  return (params: QueryParams) => Object.assign(play(params), { close() {} });
}

async function callHooks(
  matchers: readonly { hooks: HookCallback[] }[] = [],
  input: Record<string, unknown>,
): Promise<void> {
  for (const callback of matchers.flatMap(({ hooks }) => hooks)) {
    await callback(input, undefined, { signal });
  }
}

async function read(
  messages: ReturnType<ReturnType<typeof queryOf>>,
  { how, after }: Leaving,
): Promise<{ received: unknown[]; error?: { thrown: unknown } }> {
  const received: unknown[] = [];
  try {
    for await (const message of messages) {
      received.push(message);
      if (how === "never" || received.length <= after) continue;
      if (how === "throw") throw HOST_ERROR;
      if (how === "return") await messages.return();
      if (how === "close") messages.close();
      break;
    }
    return { received };
  } catch (thrown) {
    return { received, error: { thrown } };
  }
}

test("whatever a stream holds and however it ends, the host gets the same, and each span ends once", async () => {
  const logged: unknown[] = [];
  const log = (...words: unknown[]) => logged.push(words);
  diag.setLogger({ error: log, warn: log, info() {}, debug() {}, verbose() {} });
  const error = fc.option(fc.record({ thrown }));
  const steps: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(steps, error, leaving, fc.boolean(), async (played, error, left, captured) => {
      const recording = recordSpans();
      const bare = await read(queryOf(played, error)({ prompt: "go" }), left);
      const query = instrumentQuery(recording.tracer, queryOf(played, error), {
        captureContent: captured,
        onError: (told) => logged.push(told),
      });
      const observed = await read(query({ prompt: "go" }), left);
      expect(observed.received.length).toBe(bare.received.length);
      for (const [i, message] of bare.received.entries())
        expect(observed.received[i]).toBe(message);
      expect(observed.error === undefined).toBe(bare.error === undefined);
      expect(observed.error?.thrown).toBe(bare.error?.thrown);
      expect(recording.endings().every((times) => times === 1)).toBe(true);
      expect(logged).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
