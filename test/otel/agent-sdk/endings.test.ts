/** However a query ends, no span stays open, none ends twice, and the host gets what it would have. */
import { expect, test } from "bun:test";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { instrumentQuery } from "../../../src/otel/agent-sdk/instrument-query.ts";
import { drain } from "../../support/drain.ts";
import { type Recording, recordSpans } from "../../support/recording-tracer.ts";
import {
  type QueryParams,
  ReplayedQuery,
  readTranscript,
  replayQuery,
  type SdkMessage,
  type Transcript,
} from "../../support/replay-query.ts";

const bash = (): Transcript => readTranscript("bash");

function cutAfter(transcript: Transcript, messages: number, error?: Error): Transcript {
  return { ...transcript, messages: transcript.messages.slice(0, messages), hooks: [], error };
}

function changeResult(transcript: Transcript, change: SdkMessage): Transcript {
  const messages = transcript.messages.map((message) =>
    message["type"] === "result" ? { ...message, ...change } : message,
  );
  return { ...transcript, messages, hooks: [] };
}

function start(transcript: Transcript, params: Partial<QueryParams> = {}) {
  const recording = recordSpans();
  const query = instrumentQuery(recording.tracer, replayQuery(transcript));
  return { recording, messages: query({ prompt: "go", ...params }) };
}

async function run(transcript: Transcript, params: Partial<QueryParams> = {}): Promise<Recording> {
  const { recording, messages } = start(transcript, params);
  expect(await drain(messages)).toBe(transcript.error);
  return recording;
}

/** What the only execution says, once it is sure that every span has ended exactly once. */
function ending(recording: Recording): ReadableSpan["attributes"] {
  expect(recording.endings().every((times) => times === 1)).toBe(true);
  const [span, ...others] = recording.executions();
  expect(others).toEqual([]);
  if (span === undefined) throw new Error("There is no execution span.");
  return span.attributes;
}

function named(recording: Recording, name: string): ReadableSpan | undefined {
  return recording.spans().find((span) => span.name.startsWith(name));
}

test("a good result is a success without an error", async () => {
  const recording = await run(bash());
  const attributes = ending(recording);
  expect(attributes["spanledger.conclusion"]).toBe("success");
  expect(attributes).not.toContainKey("error.type");
  expect(recording.executions()[0]?.status.code).toBe(0);
});

const RESULTS: [what: string, change: SdkMessage, conclusion: string, errorType: string][] = [
  [
    "max turns",
    { subtype: "error_max_turns", is_error: true, terminal_reason: "max_turns" },
    "failure",
    "max_turns",
  ],
  [
    "a spent budget",
    { subtype: "error_max_budget_usd", is_error: true, terminal_reason: "budget_exhausted" },
    "failure",
    "budget_exhausted",
  ],
  [
    "no valid structured output",
    {
      subtype: "error_max_structured_output_retries",
      is_error: true,
      terminal_reason: "completed",
    },
    "failure",
    "error_max_structured_output_retries",
  ],
  [
    "a refusal",
    { is_error: true, stop_reason: "refusal", terminal_reason: "api_error" },
    "failure",
    "refusal",
  ],
  [
    "a break during execution",
    { subtype: "error_during_execution", is_error: true, terminal_reason: "aborted_tools" },
    "error",
    "aborted_tools",
  ],
  [
    "a success that is an error",
    { is_error: true, api_error_status: 529, terminal_reason: "api_error" },
    "error",
    "529",
  ],
  [
    "a failure at startup",
    {
      subtype: "error_during_execution",
      startup_failure_reason: "bad_config",
      terminal_reason: "x",
    },
    "error",
    "bad_config",
  ],
  ["an unknown subtype", { subtype: "error_new", terminal_reason: null }, "error", "error_new"],
];

for (const [what, change, conclusion, errorType] of RESULTS) {
  test(`a result of ${what} concludes with ${conclusion}, and keeps its account`, async () => {
    const recording = await run({
      ...changeResult(bash(), change),
      error: new Error("Claude Code returned an error result"),
    });
    const attributes = ending(recording);
    expect(attributes["spanledger.conclusion"]).toBe(conclusion);
    expect(attributes["error.type"]).toBe(errorType);
    expect(attributes["spanledger.cost.usd"]).toBe(0.0093294);
    expect(recording.executions()[0]?.status.code).toBe(2);
  });
}

test("a thrown error reaches the host as it is, and ends what was open", async () => {
  const killed = Object.assign(new Error("Claude Code process terminated by signal SIGKILL"), {
    errorClass: "process_killed_by_signal",
  });
  const recording = await run(cutAfter(bash(), 3, killed), { options: { model: "opus" } });
  const attributes = ending(recording);
  expect(attributes).toMatchObject({
    "spanledger.conclusion": "error",
    "error.type": "process_killed_by_signal",
    "gen_ai.request.model": "opus",
    "gen_ai.response.model": "claude-sonnet-4-5",
    "spanledger.usage.quality": "lower_bound",
  });
  expect(attributes).not.toContainKey("spanledger.usage.scope");
  expect(named(recording, "execute_tool Bash")?.attributes["error.type"]).toBe(
    "process_killed_by_signal",
  );
  expect(named(recording, "chat")?.attributes["gen_ai.usage.input_tokens"]).toBe(2060);
});

test("an abort before any answer still names the model and the error", async () => {
  const recording = await run(readTranscript("abort"));
  expect(ending(recording)).toMatchObject({
    "spanledger.conclusion": "error",
    "error.type": "aborted",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "spanledger.usage.quality": "lower_bound",
  });
});

test("an abort by a timeout is known as one", async () => {
  const abortController = new AbortController();
  abortController.abort(new DOMException("too slow", "TimeoutError"));
  const recording = await run(readTranscript("abort"), { options: { abortController } });
  expect(ending(recording)["spanledger.is_timeout"]).toBe(true);
});

test("a query that throws when it is called throws the same error", () => {
  const missing = new ReferenceError("Claude Code native binary not found");
  const recording = recordSpans();
  const query = instrumentQuery(recording.tracer, (_: QueryParams): ReplayedQuery => {
    throw missing;
  });
  expect(() => query({ prompt: "go" })).toThrow(missing);
  expect(ending(recording)["error.type"]).toBe("ReferenceError");
});

test("a query that throws at its first message throws the same error", async () => {
  const missing = Object.assign(new ReferenceError("not found"), {
    errorClass: "executable_not_found",
  });
  const recording = await run(cutAfter(bash(), 0, missing));
  expect(ending(recording)["error.type"]).toBe("executable_not_found");
});

test("messages that end without a result are an error", async () => {
  const recording = await run(cutAfter(bash(), 4));
  expect(ending(recording)).toMatchObject({
    "spanledger.conclusion": "error",
    "error.type": "no_result",
  });
});

test("a consumer's break ends every span, and the query", async () => {
  const { recording, messages } = start(bash());
  for await (const message of messages) {
    if (message["type"] === "assistant") break;
  }
  expect(ending(recording)).toMatchObject({
    "spanledger.conclusion": "failure",
    "error.type": "closed_by_consumer",
    "spanledger.usage.quality": "lower_bound",
  });
  expect(await messages.next()).toEqual({ done: true, value: undefined });
});

test("a throw in the consumer's loop ends every span, and is the host's own", async () => {
  const { recording, messages } = start(bash());
  const bug = new Error("a bug in the host");
  const loop = async (): Promise<void> => {
    for await (const message of messages) {
      if (message["type"] === "assistant") throw bug;
    }
  };
  expect(await loop().catch((error) => error)).toBe(bug);
  expect(ending(recording)["error.type"]).toBe("closed_by_consumer");
});

test("return() ends every span", async () => {
  const { recording, messages } = start(bash());
  await messages.next();
  expect(await messages.return()).toEqual({ done: true, value: undefined });
  expect(ending(recording)["error.type"]).toBe("closed_by_consumer");
});

test("throw() ends every span with the error thrown in", async () => {
  const { recording, messages } = start(bash());
  await messages.next();
  const thrown = new TypeError("thrown in");
  expect(await messages.throw(thrown).catch((error) => error)).toBe(thrown);
  expect(ending(recording)["error.type"]).toBe("TypeError");
});

test("disposal ends every span", async () => {
  const recording = recordSpans();
  const query = instrumentQuery(recording.tracer, replayQuery(bash()));
  {
    await using messages = query({ prompt: "go" });
    await messages.next();
  }
  expect(ending(recording)["error.type"]).toBe("closed_by_consumer");
});

test("close() ends every span", async () => {
  class Closable extends ReplayedQuery {
    closed = false;
    close(): void {
      this.closed = true;
    }
  }
  const recording = recordSpans();
  const query = instrumentQuery(
    recording.tracer,
    (params: QueryParams) => new Closable(replayQuery(bash())(params)),
  );
  const messages = query({ prompt: "go" });
  await messages.next();
  messages.close();
  expect(messages.closed).toBe(true);
  expect(ending(recording)["error.type"]).toBe("closed_by_consumer");
});

test("a close() that throws ends every span, and throws the same error", async () => {
  const error = new Error("cannot close");
  const recording = recordSpans();
  const query = instrumentQuery(recording.tracer, (params: QueryParams) =>
    Object.assign(replayQuery(bash())(params), {
      close() {
        throw error;
      },
    }),
  );
  const messages = query({ prompt: "go" });
  await messages.next();
  expect(messages.close).toThrow(error);
  expect(ending(recording)["error.type"]).toBe("closed_by_consumer");
});

test("a result that is told twice counts once", async () => {
  const transcript = bash();
  const result = transcript.messages.at(-1) as SdkMessage;
  const recording = await run({ ...transcript, messages: [...transcript.messages, result] });
  expect(ending(recording)["spanledger.cost.usd"]).toBe(0.0093294);
});

test("a consumer who has the result and reads no further leaves no span open", async () => {
  const { recording, messages } = start(bash());
  while ((await messages.next()).value?.["type"] !== "result");
  expect(ending(recording)["spanledger.conclusion"]).toBe("success");
});

test("what comes after a result that failed changes nothing in it", async () => {
  const recording = await run(readTranscript("maxturns"));
  expect(ending(recording)["error.type"]).toBe("max_turns");
  expect(recording.executions()[0]?.events.map((event) => event.name)).toEqual([
    "spanledger.model_usage",
  ]);
});

test("zeros of a crash do not overwrite what was seen", async () => {
  const zeros = { inputTokens: 0, outputTokens: 0, costUSD: 0 };
  for (const change of [
    { modelUsage: {}, model_usage_since_last_result: {} },
    { modelUsage: { "claude-sonnet-4-5": zeros }, model_usage_since_last_result: undefined },
  ]) {
    const recording = await run(
      changeResult(bash(), { ...change, subtype: "error_during_execution", total_cost_usd: 0 }),
    );
    const attributes = ending(recording);
    expect(attributes["spanledger.usage.quality"]).toBe("lower_bound");
    expect(attributes).not.toContainKey("spanledger.cost.usd");
    expect(attributes).not.toContainKey("spanledger.usage.scope");
  }
});

test("the provider that the account names is the execution's, unless the host names one", async () => {
  const usage = { outputTokens: 5, costUSD: 0.1, provider: "bedrock" };
  const served = changeResult(bash(), { model_usage_since_last_result: { "us.claude": usage } });
  const attributes = ending(await run(served));
  expect(attributes["gen_ai.provider.name"]).toBe("aws.bedrock");
  expect(attributes["gen_ai.response.model"]).toBe("us.claude");
});

test("a description without a name or a model leaves both as the query has them", async () => {
  const recording = recordSpans();
  const query = instrumentQuery(recording.tracer, replayQuery(bash()), {
    describe: () => ({ name: undefined as never, model: undefined, repo: "o/r" }),
  });
  await drain(query({ prompt: "go", options: { agent: "reviewer", model: "opus" } }));
  expect(recording.executions()[0]?.name).toBe("invoke_agent reviewer");
  expect(ending(recording)).toMatchObject({
    "gen_ai.request.model": "opus",
    "vcs.repository.name": "r",
  });
});

const BACKGROUND = readTranscript("background-subagent");
const UNTIL_RESULT = BACKGROUND.messages.findIndex((message) => message["type"] === "result") + 1;

test("a background subagent that never reports back ends with the messages, and not well", async () => {
  const recording = await run(cutAfter(BACKGROUND, UNTIL_RESULT));
  expect(ending(recording)["spanledger.conclusion"]).toBe("success");
  const subagent = named(recording, "invoke_agent general-purpose");
  expect(subagent?.attributes["error.type"]).toBe("no_result");
});

test("a background subagent that the consumer does not wait for is cut short, and its turn is not", async () => {
  const { recording, messages } = start(BACKGROUND);
  for await (const message of messages) if (message["type"] === "result") break;
  expect(ending(recording)["spanledger.conclusion"]).toBe("success");
  const subagent = named(recording, "invoke_agent general-purpose");
  expect(subagent?.attributes["error.type"]).toBe("closed_by_consumer");
});
