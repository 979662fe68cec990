/** What the host gets and gives is the same with and without us. */
import { afterEach, expect, test } from "bun:test";
import { context, diag, trace } from "@opentelemetry/api";
import { instrumentQuery } from "../../../src/otel/agent-sdk/instrument-query.ts";
import { traceExecution } from "../../../src/otel/trace-execution.ts";
import { withActiveContext } from "../../support/active-context.ts";
import { drain } from "../../support/drain.ts";
import { recordSpans } from "../../support/recording-tracer.ts";
import {
  type HookCallback,
  type QueryParams,
  ReplayedQuery,
  readTranscript,
  replayQuery,
  type SdkMessage,
} from "../../support/replay-query.ts";

afterEach(() => diag.disable());

async function* yielding(messages: readonly unknown[]): AsyncGenerator<SdkMessage> {
  for (const message of messages) yield message as SdkMessage;
}

test("the host gets the very same messages, in the same order", async () => {
  const { messages } = readTranscript("subagent");
  const query = instrumentQuery(recordSpans().tracer, (_: object) => yielding(messages));
  const received: SdkMessage[] = [];
  for await (const message of query({})) received.push(message);
  expect(received.length).toBe(messages.length);
  for (const [i, message] of messages.entries()) expect(received[i]).toBe(message);
});

test("every method of the Query object works, on the object itself", async () => {
  const query = instrumentQuery(recordSpans().tracer, replayQuery(readTranscript("bash")));
  const messages = query({ prompt: "go" });
  expect(messages).toBeInstanceOf(ReplayedQuery);
  await messages.interrupt();
  await messages.setModel("opus");
  await messages.streamInput(yielding([{ a: 1 }]));
  const { interrupt } = messages;
  await interrupt.call(messages);
  expect(messages.calls).toEqual([
    ["interrupt"],
    ["setModel", "opus"],
    ["streamInput", { a: 1 }],
    ["interrupt"],
  ]);
  expect(messages.interrupt).toBe(messages.interrupt);
  expect(messages[Symbol.asyncIterator]()).toBe(messages);
  await messages.return();
});

test("the query function keeps its own properties", () => {
  const query = Object.assign(replayQuery(readTranscript("bash")), { version: "1.2.3" });
  const wrapped = instrumentQuery(recordSpans().tracer, query);
  expect(wrapped.version).toBe("1.2.3");
  expect(wrapped.length).toBe(query.length);
});

test("what is no query is refused at once", () => {
  const wrap = () => instrumentQuery(recordSpans().tracer, undefined as never);
  expect(wrap).toThrow("instrumentQuery: query is of type undefined; it must be a function");
});

test("a query that is instrumented already is returned as it is, so that nothing counts twice", () => {
  const query = instrumentQuery(recordSpans().tracer, replayQuery(readTranscript("bash")));
  expect(instrumentQuery(recordSpans().tracer, query)).toBe(query);
});

test("nothing is read before the host asks, and no further than it asks", async () => {
  let read = 0;
  async function* counting(): AsyncGenerator<SdkMessage> {
    for (const message of readTranscript("bash").messages) {
      read++;
      yield message;
    }
  }
  const messages = instrumentQuery(recordSpans().tracer, (_: object) => counting())({});
  expect(read).toBe(0);
  await messages.next();
  await messages.next();
  expect(read).toBe(2);
  await messages.return(undefined);
  expect(read).toBe(2);
});

test("a streaming prompt is handed on as it is, and is not read", async () => {
  const prompt = yielding([{ type: "user" }]);
  let given: unknown;
  const query = instrumentQuery(recordSpans().tracer, (params: QueryParams) => {
    given = params.prompt;
    return replayQuery(readTranscript("simple"))(params);
  });
  await drain(query({ prompt }));
  expect(given).toBe(prompt);
  expect(await prompt.next()).toEqual({ done: false, value: { type: "user" } });
});

test("the host's options, hooks and arrays stay as they are, and its hooks are called first", async () => {
  const called: string[] = [];
  const hook: HookCallback = async (input) => {
    called.push(String(input["hook_event_name"]));
    return { decision: "approve" };
  };
  const hooks = { PreToolUse: [{ matcher: "Bash", hooks: [hook] }], Stop: [{ hooks: [hook] }] };
  const params = { prompt: "go", options: { model: "opus", hooks } };
  const before = structuredClone({
    ...params,
    options: { model: "opus", hooks: Object.keys(hooks) },
  });
  let given: QueryParams | undefined;
  const query = instrumentQuery(recordSpans().tracer, (received: QueryParams) => {
    given = received;
    return replayQuery(readTranscript("bash"))(received);
  });
  await drain(query(params));
  expect({
    ...params,
    options: { ...params.options, hooks: Object.keys(params.options.hooks) },
  }).toEqual(before);
  expect(hooks.PreToolUse.length).toBe(1);
  expect(given?.options?.hooks?.["PreToolUse"]?.[0]).toBe(hooks.PreToolUse[0]);
  expect(given?.options?.hooks?.["PreToolUse"]?.length).toBe(2);
  expect(given?.options?.hooks?.["Stop"]).toBe(hooks.Stop);
  expect(called).toEqual(["PreToolUse", "Stop"]);
});

test("our hooks decide nothing", async () => {
  let given: QueryParams | undefined;
  const query = instrumentQuery(recordSpans().tracer, (received: QueryParams) => {
    given = received;
    return replayQuery(readTranscript("simple"))(received);
  });
  await drain(query({ prompt: "go" }));
  const { signal } = new AbortController();
  for (const matchers of Object.values(given?.options?.hooks ?? {})) {
    for (const callback of matchers.flatMap((matcher) => matcher.hooks)) {
      expect(await callback({ tool_use_id: "late" }, "late", { signal })).toEqual({});
    }
  }
});

test("without added hooks the parameters are the host's own", async () => {
  const params = { prompt: "go" };
  let given: unknown;
  const query = instrumentQuery(
    recordSpans().tracer,
    (received: QueryParams) => {
      given = received;
      return replayQuery(readTranscript("simple"))(received);
    },
    { addHooks: false },
  );
  await drain(query(params));
  expect(given).toBe(params);
});

test("options with a prototype of their own are handed on as they are", async () => {
  class Options {
    readonly #model = "opus";
    get model(): string {
      return this.#model;
    }
  }
  const params = { prompt: "go", options: new Options() };
  let given: unknown;
  const query = instrumentQuery(recordSpans().tracer, (received: typeof params) => {
    given = received;
    return replayQuery(readTranscript("simple"))({ prompt: received.options.model });
  });
  await drain(query(params));
  expect(given).toBe(params);
});

const ODD: unknown[] = [
  null,
  undefined,
  7,
  "text",
  [],
  {},
  { type: null },
  { type: "assistant" },
  { type: "assistant", message: null },
  { type: "assistant", message: { id: 5, content: "text", usage: 3 } },
  { type: "assistant", message: { id: "m", model: 7, content: [null, 3, { type: "tool_use" }] } },
  { type: "assistant", message: { id: "n", usage: { input_tokens: Number.NaN } } },
  {
    type: "assistant",
    parent_tool_use_id: "self",
    message: { content: [{ type: "tool_use", id: "self" }] },
  },
  {
    type: "user",
    message: { content: [{ type: "tool_result" }, { type: "tool_result", tool_use_id: "?" }] },
  },
  { type: "user", tool_use_result: "x", tool_result_meta: [null], message: 1 },
  { type: "stream_event", event: 1 },
  { type: "stream_event", event: { type: "message_start" }, ttft_ms: -1 },
  { type: "stream_event", event: { type: "message_delta", usage: null, delta: 4 } },
  { type: "stream_event", event: { type: "message_stop" } },
  { type: "system" },
  { type: "system", subtype: "api_retry", error_status: {}, attempt: "x" },
  { type: "system", subtype: "permission_denied" },
  {
    type: "system",
    subtype: "task_started",
    task_id: 4,
    tool_use_id: "a",
    task_type: "local_agent",
  },
  { type: "system", subtype: "task_updated", task_id: 4, patch: [] },
  { type: "system", subtype: "task_notification", tool_use_id: "a", status: 5 },
  { type: "result", modelUsage: [], permission_denials: [null, {}], errors: [1], usage: null },
  {
    type: "result",
    modelUsage: { m: null, n: { inputTokens: -1, costUSD: Number.POSITIVE_INFINITY } },
  },
];

test("messages of any shape pass through, and leave no span open", async () => {
  const errors: unknown[] = [];
  const recording = recordSpans();
  const query = instrumentQuery(recording.tracer, (_: object) => yielding(ODD), {
    onError: (error) => errors.push(error),
  });
  const received: unknown[] = [];
  for await (const message of query({})) received.push(message);
  expect(received).toEqual(ODD);
  expect(errors).toEqual([]);
  expect(recording.endings().every((times) => times === 1)).toBe(true);
});

test("a message whose fields throw is survived, and told to onError", async () => {
  const trap = new Error("trap");
  const hostile = {
    get type(): string {
      throw trap;
    },
  };
  const errors: unknown[] = [];
  const query = instrumentQuery(recordSpans().tracer, (_: object) => yielding([hostile]), {
    onError: (error) => {
      errors.push(error);
      throw new Error("a broken logger");
    },
  });
  expect(await drain(query({}))).toBeUndefined();
  expect(errors).toEqual([trap]);
});

test("a broken tracer and a broken description leave the messages as they are", async () => {
  const { messages } = readTranscript("bash");
  const broken = recordSpans().tracer;
  broken.startSpan = () => {
    throw new Error("no spans today");
  };
  for (const describe of [
    undefined,
    () => {
      throw new Error("no description");
    },
  ]) {
    const query = instrumentQuery(broken, (_: object) => yielding(messages), {
      onError: () => {},
      ...(describe === undefined ? {} : { describe }),
    });
    const received: SdkMessage[] = [];
    for await (const message of query({})) received.push(message);
    expect(received).toEqual(messages);
  }
});

test("the run's span is active while the query starts, and not in the consumer's loop", async () => {
  await withActiveContext(async () => {
    const recording = recordSpans();
    let active: string | undefined;
    const query = instrumentQuery(recording.tracer, (params: QueryParams) => {
      active = trace.getActiveSpan()?.spanContext().spanId;
      return replayQuery(readTranscript("simple"))(params);
    });
    for await (const _ of query({ prompt: "go" })) expect(trace.getActiveSpan()).toBeUndefined();
    expect(active).toBe(recording.executions()[0]?.spanContext().spanId as string);
  });
});

test("every turn stands beneath the span that was active at the call, wherever it is read", async () => {
  await withActiveContext(async () => {
    const recording = recordSpans();
    const transcript = readTranscript("multiturn-streaming-input");
    const query = instrumentQuery(recording.tracer, replayQuery(transcript));
    const root = recording.tracer.startSpan("job");
    const messages = context.with(trace.setSpan(context.active(), root), () =>
      query({ prompt: "go" }),
    );
    await drain(messages);
    root.end();
    const parents = recording.executions().map((span) => span.parentSpanContext?.spanId);
    expect(parents).toEqual([root.spanContext().spanId, root.spanContext().spanId]);
  });
});

test("a query within an execution is marked as nested, and one outside is not", async () => {
  await withActiveContext(async () => {
    const recording = recordSpans();
    const query = instrumentQuery(recording.tracer, replayQuery(readTranscript("simple")));
    await traceExecution(recording.tracer, { name: "reviewer" }, () =>
      drain(query({ prompt: "go" })),
    );
    await drain(query({ prompt: "go" }));
    const nested = recording
      .executions()
      .map((span) => [span.name, span.attributes["spanledger.execution.nested"]]);
    expect(nested).toEqual([
      ["invoke_agent reviewer", undefined],
      ["invoke_agent claude", true],
      ["invoke_agent claude", undefined],
    ]);
  });
});

test("a stream of any length holds few spans and few ids", async () => {
  async function* endless(): AsyncGenerator<SdkMessage> {
    for (let i = 0; i < 3_000; i++) {
      const content = [{ type: "tool_use", id: `tool_${i}`, name: "Bash" }];
      yield { type: "assistant", message: { id: `msg_${i}`, model: "m", content } };
      yield {
        type: "assistant",
        parent_tool_use_id: `agent_${i}`,
        message: { id: `sub_${i}`, model: "m", content: [] },
      };
    }
  }
  let open = 0;
  let mostOpen = 0;
  const { tracer } = recordSpans();
  const startSpan = tracer.startSpan.bind(tracer);
  tracer.startSpan = (...args) => {
    const span = startSpan(...args);
    const end = span.end.bind(span);
    mostOpen = Math.max(mostOpen, ++open);
    span.end = (time) => {
      open--;
      end(time);
    };
    return span;
  };
  await drain(instrumentQuery(tracer, (_: object) => endless())({}));
  expect(open).toBe(0);
  expect(mostOpen).toBeLessThan(5_000);
});
