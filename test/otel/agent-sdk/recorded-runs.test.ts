/** Recorded runs of the real Agent SDK become trees of the right shape with the exact account. */
import { expect, test } from "bun:test";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { instrumentQuery } from "../../../src/otel/agent-sdk/instrument-query.ts";
import { drain } from "../../support/drain.ts";
import { type Recording, recordSpans } from "../../support/recording-tracer.ts";
import {
  type QueryParams,
  readTranscript,
  replayQuery,
  type Transcript,
} from "../../support/replay-query.ts";
import { spanTree } from "../../support/span-tree.ts";

/** Uncached input, output, cache reads, cache writes and nano-dollars of each result. */
type Account = [number, number, number, number, number];

const FIRST: Account = [12, 5, 0, 2048, 7_791_000];
const SECOND: Account = [25, 32, 2048, 2176, 9_329_400];
const TRUTH: [name: string, accounts: Account[]][] = [
  ["simple", [FIRST]],
  ["bash", [SECOND]],
  ["partial", [SECOND]],
  ["subagent", [[50, 61, 4096, 4352, 18_613_800]]],
  ["multiturn-streaming-input", [FIRST, SECOND]],
  ["resume-1", [FIRST]],
  ["resume-2", [SECOND]],
  ["maxturns", [[39, 42, 6144, 2304, 11_230_200]]],
  ["err529", [[0, 0, 0, 0, 0]]],
  ["parallel-tools", [[23, 53, 2101, 2670, 12_899_550]]],
  [
    "cleared-conversation",
    [
      [11, 23, 0, 1331, 6_060_000],
      [0, 0, 0, 0, 0],
      [12, 30, 2101, 1339, 6_839_550],
    ],
  ],
];

async function replay(transcript: Transcript, params: object = {}): Promise<Recording> {
  const recording = recordSpans();
  const query = instrumentQuery(recording.tracer, replayQuery(transcript));
  expect(await drain(query({ prompt: "go", ...params }))).toBe(transcript.error);
  expect(recording.endings().every((times) => times === 1)).toBe(true);
  return recording;
}

function account(attributes: ReadableSpan["attributes"] | undefined): Account {
  const number = (name: string): number => Number(attributes?.[name] ?? 0);
  const cacheRead = number("gen_ai.usage.cache_read.input_tokens");
  const cacheWrite = number("gen_ai.usage.cache_write.input_tokens");
  return [
    number("gen_ai.usage.input_tokens") - cacheRead - cacheWrite,
    number("gen_ai.usage.output_tokens"),
    cacheRead,
    cacheWrite,
    Math.round(number("spanledger.cost.usd") * 1e9),
  ];
}

function ledger(span: ReadableSpan): Account {
  return span.events
    .filter((event) => event.name === "spanledger.model_usage")
    .map((event) => account(event.attributes))
    .reduce((a, b) => a.map((value, i) => value + Number(b[i])) as Account, [0, 0, 0, 0, 0]);
}

function endNs(span: ReadableSpan | undefined): bigint {
  const [seconds, nanoseconds] = span?.endTime ?? [0, 0];
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

for (const [name, accounts] of TRUTH) {
  test(`the account of ${name} is exact to the nano-dollar`, async () => {
    const runs = (await replay(readTranscript(name))).executions();
    expect(runs.map(ledger)).toEqual(accounts);
    expect(runs.map((run) => account(run.attributes))).toEqual(accounts);
    for (const run of runs) {
      expect(run.attributes["spanledger.usage.scope"]).toBe("ledger");
      expect(run.attributes["spanledger.usage.quality"]).toBe("exact");
      expect(Number.isInteger(Number(run.attributes["spanledger.cost.usd"]) * 1e9)).toBe(true);
    }
  });

  if (name === "resume-2") continue;
  test(`the account of ${name} is exact from its running totals alone`, async () => {
    const transcript = readTranscript(name);
    for (const message of transcript.messages) delete message["model_usage_since_last_result"];
    expect((await replay(transcript)).executions().map(ledger)).toEqual(accounts);
  });
}

test("the tree of a simple run", async () => {
  expect(spanTree((await replay(readTranscript("simple"))).spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
    "
  `);
});

test("the tree of a run with a tool call", async () => {
  expect(spanTree((await replay(readTranscript("bash"))).spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
      execute_tool Bash INTERNAL
      chat claude-sonnet-4-5 CLIENT
    "
  `);
});

test("the tree of a run with stream events is the same as without", async () => {
  const streamed = spanTree((await replay(readTranscript("partial"))).spans());
  expect(streamed).toBe(spanTree((await replay(readTranscript("bash"))).spans()));
});

test("the tree of a run with a subagent", async () => {
  expect(spanTree((await replay(readTranscript("subagent"))).spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
      execute_tool Agent INTERNAL
        invoke_agent general-purpose INTERNAL
          chat claude-sonnet-4-5 CLIENT
          execute_tool Bash INTERNAL
      chat claude-sonnet-4-5 CLIENT
    "
  `);
});

test("the tree of two turns", async () => {
  const { spans } = await replay(readTranscript("multiturn-streaming-input"));
  expect(spanTree(spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
      execute_tool Bash INTERNAL
      chat claude-sonnet-4-5 CLIENT
    "
  `);
});

test("the tree of a run that met its limit of turns", async () => {
  expect(spanTree((await replay(readTranscript("maxturns"))).spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL error=max_turns events=model_usage
      chat claude-sonnet-4-5 CLIENT
      execute_tool Bash INTERNAL
      chat claude-sonnet-4-5 CLIENT
      execute_tool Bash INTERNAL
      chat claude-sonnet-4-5 CLIENT
      execute_tool Bash INTERNAL
    "
  `);
});

test("the tree of a run that failed after two retries", async () => {
  expect(spanTree((await replay(readTranscript("err529"))).spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL error=529 events=api_retry,api_retry
    "
  `);
});

test("the tree of an aborted run", async () => {
  expect(spanTree((await replay(readTranscript("abort"))).spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL error=aborted events=exception
    "
  `);
});

test("the tree of parallel tool calls, whose results come in another order", async () => {
  expect(spanTree((await replay(readTranscript("parallel-tools"))).spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
      execute_tool Bash INTERNAL
      execute_tool Bash INTERNAL
      chat claude-sonnet-4-5 CLIENT
    "
  `);
});

test("the tree of two subagents at once, whose messages interleave", async () => {
  expect(
    spanTree((await replay(readTranscript("parallel-subagents"))).spans()),
  ).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
      execute_tool Agent INTERNAL
        invoke_agent general-purpose INTERNAL
          chat claude-sonnet-4-5 CLIENT
          execute_tool Bash INTERNAL
      execute_tool Agent INTERNAL
        invoke_agent general-purpose INTERNAL
          chat claude-sonnet-4-5 CLIENT
          execute_tool Bash INTERNAL
      chat claude-sonnet-4-5 CLIENT
    "
  `);
});

test("the tree of a subagent's subagent, of which hooks alone tell what it did", async () => {
  expect(
    spanTree((await replay(readTranscript("nested-subagents"))).spans()),
  ).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
      execute_tool Agent INTERNAL
        invoke_agent general-purpose INTERNAL
          chat claude-sonnet-4-5 CLIENT
          execute_tool Agent INTERNAL
            invoke_agent general-purpose INTERNAL
              execute_tool Bash INTERNAL
      chat claude-sonnet-4-5 CLIENT
    "
  `);
});

test("the tree of a subagent in the background, which outlives the result", async () => {
  const { spans, executions } = await replay(readTranscript("background-subagent"));
  expect(spanTree(spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
      execute_tool Agent INTERNAL
        invoke_agent general-purpose INTERNAL
          chat claude-sonnet-4-5 CLIENT
          execute_tool Bash INTERNAL
          chat claude-sonnet-4-5 CLIENT
      chat claude-sonnet-4-5 CLIENT
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
    "
  `);
  const subagent = spans().find((span) => span.name === "invoke_agent general-purpose");
  expect(endNs(subagent) > endNs(executions()[0])).toBe(true);
});

test("the tree of a call that was not permitted", async () => {
  const { spans } = await replay(readTranscript("permission-denied"));
  expect(spanTree(spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL events=permission_denied,model_usage
      chat claude-sonnet-4-5 CLIENT
      execute_tool Bash INTERNAL error=permission_denied
      chat claude-sonnet-4-5 CLIENT
    "
  `);
});

test("the tree of an MCP tool names its server", async () => {
  const { spans } = await replay(readTranscript("mcp-tool"));
  expect(spanTree(spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
      execute_tool mcp__calc__add INTERNAL
      chat claude-sonnet-4-5 CLIENT
    "
  `);
  const tool = spans().find((span) => span.name.startsWith("execute_tool"));
  expect(tool?.attributes["spanledger.mcp.server"]).toBe("calc");
});

test("the tree of an interrupted run, which still has its account", async () => {
  const { spans, executions } = await replay(readTranscript("interrupt"));
  expect(spanTree(spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL error=aborted_streaming events=model_usage
    "
  `);
  expect(executions()[0]?.attributes["spanledger.conclusion"]).toBe("error");
});

test("the tree of a conversation that was cleared between its turns", async () => {
  const { spans } = await replay(readTranscript("cleared-conversation"));
  expect(spanTree(spans())).toMatchInlineSnapshot(`
    "
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
    invoke_agent claude INTERNAL
    invoke_agent claude INTERNAL events=model_usage
      chat claude-sonnet-4-5 CLIENT
    "
  `);
});

test("a tree without hooks is the same, from the messages alone", async () => {
  for (const name of ["bash", "subagent", "maxturns"]) {
    const transcript = readTranscript(name);
    const withHooks = spanTree((await replay(transcript)).spans());
    expect(spanTree((await replay({ ...transcript, hooks: [] })).spans())).toBe(withHooks);
  }
});

test("a tool's duration is the one its hook told, not the gap between messages", async () => {
  const recording = await replay(readTranscript("bash"));
  const tool = recording.spans().find((span) => span.name === "execute_tool Bash");
  const [seconds, nanoseconds] = tool?.duration ?? [0, 0];
  expect(seconds * 1000 + Math.round(nanoseconds / 1e6)).toBe(37);
});

test("an execution carries its session, turns, stop reason and duration", async () => {
  const [run] = (
    await replay(readTranscript("bash"), { options: { model: "sonnet" } })
  ).executions();
  expect(run?.attributes).toMatchObject({
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.conversation.id": "67f940c6-7420-4c13-9dae-23c7f7eb5103",
    "gen_ai.request.model": "sonnet",
    "gen_ai.response.model": "claude-sonnet-4-5",
    "gen_ai.response.finish_reasons": ["end_turn"],
    "spanledger.num_turns": 2,
    "spanledger.conclusion": "success",
  });
});

test("several messages of one response are one chat, whose usage counts once", async () => {
  const chats = (await replay(readTranscript("bash"))).spans().filter((s) => s.kind === 2);
  expect(chats.map((chat) => chat.attributes["gen_ai.response.id"])).toEqual([
    "msg_stub000001",
    "msg_stub000003",
  ]);
  expect(chats.map((chat) => chat.attributes["anthropic.request.id"])).toEqual([
    "req_stub000001",
    "req_stub000003",
  ]);
  expect(chats.map((chat) => chat.attributes["gen_ai.usage.input_tokens"])).toEqual([2060, 2189]);
});

test("a chat's output is unknown without stream events: the placeholder is not recorded", async () => {
  const chats = (await replay(readTranscript("bash"))).spans().filter((s) => s.kind === 2);
  for (const chat of chats) {
    expect(chat.attributes).not.toContainKey("gen_ai.usage.output_tokens");
    expect(chat.attributes["spanledger.usage.quality"]).toBe("lower_bound");
  }
});

test("stream events give a chat its output, stop reason and time to first token", async () => {
  const chats = (await replay(readTranscript("partial"))).spans().filter((s) => s.kind === 2);
  expect(
    chats.map(({ attributes }) => [
      attributes["gen_ai.usage.output_tokens"],
      attributes["gen_ai.response.finish_reasons"],
      attributes["gen_ai.response.time_to_first_chunk"],
      attributes["spanledger.usage.quality"],
    ]),
  ).toEqual([
    [23, ["tool_use"], 0.021, "exact"],
    [9, ["end_turn"], 0.009, "exact"],
  ]);
});

test("the main loop's usage on a result is not mistaken for the account", async () => {
  const [run] = (await replay(readTranscript("subagent"))).executions();
  expect(run?.attributes["gen_ai.usage.output_tokens"]).toBe(61);
});

test("a resumed session goes on from the total of the run before it", async () => {
  const recording = recordSpans();
  const transcripts = ["resume-1", "resume-2"].map((name) => readTranscript(name));
  for (const { messages } of transcripts) {
    for (const message of messages) delete message["model_usage_since_last_result"];
  }
  const query = instrumentQuery(recording.tracer, (params: QueryParams) =>
    replayQuery(transcripts.shift() as Transcript)(params),
  );
  await drain(query({ prompt: "one" }));
  const sessionId = recording.executions()[0]?.attributes["gen_ai.conversation.id"];
  await drain(query({ prompt: "two", options: { resume: String(sessionId) } }));
  expect(recording.executions().map(ledger)).toEqual([FIRST, SECOND]);
});

test("a resumed session whose total is not known is marked, and is never a difference", async () => {
  const transcript = readTranscript("resume-2");
  for (const message of transcript.messages) delete message["model_usage_since_last_result"];
  const [run] = (await replay(transcript, { options: { resume: "elsewhere" } })).executions();
  expect(run?.attributes["spanledger.usage.quality"]).toBe("unknown_base");
});

test("what was added since the last result needs no known total", async () => {
  const resumed = { options: { resume: "elsewhere", forkSession: true } };
  const [run] = (await replay(readTranscript("resume-2"), resumed)).executions();
  expect(run?.attributes["spanledger.usage.quality"]).toBe("exact");
  expect(run && ledger(run)).toEqual(SECOND);
});
