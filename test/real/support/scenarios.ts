/** Runs of the real Agent SDK, from its first message to its end, whatever that is. */
import {
  createSdkMcpServer,
  type Options,
  type SDKMessage,
  type SDKUserMessage,
  tool,
} from "@anthropic-ai/claude-agent-sdk";
import { z } from "zod";
import { claudeOptions } from "./claude.ts";
import type { MessagesApi } from "./messages-api.ts";
import { agent, bash, call, fail, type Script, say } from "./script.ts";
import type { Query } from "./tap.ts";

export interface Stage {
  api: MessagesApi;
  directory: string;
  query: Query;
  /** For the agent's process, beside what it always has. */
  environment?: Record<string, string>;
}

export interface Outcome {
  received: SDKMessage[];
  /** What the iterator threw; undefined where it ended well. */
  error?: unknown;
}

export interface Scenario {
  script: Script;
  drive(stage: Stage): Promise<Outcome>;
  /** Whether messages come in the same order every time: not where tools or agents race. */
  isOrdered: boolean;
}

interface Ask {
  prompt?: string | AsyncIterable<SDKUserMessage>;
  options?: Options;
  onMessage?: (message: SDKMessage, query: ReturnType<Query>) => unknown;
  /** The type of message after which the host leaves its loop. */
  until?: SDKMessage["type"];
  /** Leaves it by hand, where a loop's `break` would. */
  leave?: (query: ReturnType<Query>) => unknown;
}

/** Reads one query to its end. */
async function ask(
  stage: Stage,
  { prompt = "Go.", options, onMessage, until, leave }: Ask,
): Promise<Outcome> {
  const received: SDKMessage[] = [];
  try {
    const query = stage.query({
      prompt,
      options: claudeOptions(stage.api.url, stage.directory, {
        ...options,
        env: { ...stage.environment },
      }),
    });
    if (leave === undefined) {
      for await (const message of query) {
        received.push(message);
        await onMessage?.(message, query);
        if (message.type === until) break;
      }
      return { received };
    }
    for (let step = await query.next(); !step.done; step = await query.next()) {
      received.push(step.value);
      if (step.value.type === until) break;
    }
    await leave(query);
    return { received };
  } catch (error) {
    return { received, error };
  }
}

const simply =
  (options: Options = {}): Scenario["drive"] =>
  (stage) =>
    ask(stage, { options });

function userMessage(text: string): SDKUserMessage {
  return { type: "user", message: { role: "user", content: text }, parent_tool_use_id: null };
}

/** A prompt stream that the host feeds: the next prompt follows a result, the last one ends it. */
export function prompts(first: string, ...rest: string[]) {
  let release: () => void = () => undefined;
  async function* stream(): AsyncGenerator<SDKUserMessage> {
    yield userMessage(first);
    for (const text of rest) {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      yield userMessage(text);
    }
    await new Promise<void>((resolve) => {
      release = resolve;
    });
  }
  const onMessage = (message: SDKMessage): void => {
    if (message.type === "result") release();
  };
  return { prompt: stream(), onMessage };
}

function sessionOf({ received }: Outcome): string {
  const id = received.find((message) => message.type === "result")?.session_id;
  if (!id) throw new Error("The run before gave no result with a session.");
  return id;
}

/** A first run, and one that goes on from its session. */
const goingOn =
  (optionsFor: (session: string) => Options): Scenario["drive"] =>
  async (stage) => {
    const first = await ask(stage, {});
    const second = await ask(stage, { options: optionsFor(sessionOf(first)) });
    return { ...second, received: [...first.received, ...second.received] };
  };

const weather = () =>
  createSdkMcpServer({
    name: "weather",
    tools: [
      tool("report", "The weather of a city.", { city: z.string() }, async ({ city }) => ({
        content: [{ type: "text", text: `${city}: 18 °C` }],
      })),
    ],
  });

const LONG_MS = 30_000;

const aborted: Scenario["drive"] = async (stage) => {
  const abortController = new AbortController();
  const asked = stage.api.nextRequest();
  const outcome = ask(stage, { options: { abortController, includePartialMessages: true } });
  await asked;
  await Bun.sleep(200);
  abortController.abort();
  return await outcome;
};

/** Interrupts the answer to the first prompt; the next one follows, if there is one. */
const interrupted =
  (...rest: string[]): Scenario["drive"] =>
  (stage) => {
    const { prompt, onMessage } = prompts("Go.", ...rest);
    let hasInterrupted = false;
    return ask(stage, {
      prompt,
      options: { includePartialMessages: true },
      onMessage: async (message, query) => {
        onMessage(message);
        if (message.type !== "stream_event" || hasInterrupted) return;
        hasInterrupted = true;
        await query.interrupt();
      },
    });
  };

const SIMPLE: Script = { main: [say("Hello.")] };
const ordered = (script: Script, drive: Scenario["drive"]): Scenario => ({
  script,
  drive,
  isOrdered: true,
});
const racing = (script: Script, drive: Scenario["drive"]): Scenario => ({
  script,
  drive,
  isOrdered: false,
});

export const SCENARIOS = {
  simple: ordered(SIMPLE, simply()),
  "stream events": ordered(SIMPLE, simply({ includePartialMessages: true })),
  "a context of a million tokens": ordered(SIMPLE, simply({ model: "claude-sonnet-4-5[1m]" })),
  thinking: ordered(
    {
      main: [
        {
          content: [
            { type: "thinking", thinking: "Hm.", signature: "c2lnbmVk" },
            { type: "text", text: "Hello." },
          ],
          thinking: true,
        },
      ],
    },
    simply({ maxThinkingTokens: 2_000 }),
  ),
  "a tool": ordered({ main: [call(bash("echo one")), say("Done.")] }, simply()),
  "a failing tool": ordered({ main: [call(bash("exit 3")), say("It failed.")] }, simply()),
  "parallel tools": racing(
    { main: [call(bash("echo one"), bash("sleep 0.2; echo two")), say("Done.")] },
    simply(),
  ),
  "an MCP tool": ordered(
    {
      main: [call({ name: "mcp__weather__report", input: { city: "Paris" } }), say("Warm.")],
    },
    (stage) =>
      ask(stage, {
        options: { mcpServers: { weather: weather() }, allowedTools: ["mcp__weather__report"] },
      }),
  ),
  "a denied tool": ordered(
    { main: [call(bash("touch denied")), say("Not allowed.")] },
    simply({
      allowedTools: [],
      canUseTool: async () => ({ behavior: "deny", message: "Not here." }),
    }),
  ),
  "structured output": ordered(
    { main: [call({ name: "StructuredOutput", input: { answer: 42 } }), say("Done.")] },
    simply({
      outputFormat: {
        type: "json_schema",
        schema: {
          type: "object",
          properties: { answer: { type: "number" } },
          required: ["answer"],
        },
      },
    }),
  ),
  "a subagent": racing(
    {
      main: [call(agent("helper")), say("Done.")],
      helper: [call(bash("echo inner")), say("Helped.")],
    },
    simply(),
  ),
  "two subagents at once": racing(
    {
      main: [call(agent("helper"), agent("checker")), say("Done.")],
      helper: [call(bash("echo inner")), say("Helped.")],
      checker: [say("Checked.")],
    },
    simply(),
  ),
  "a subagent that is heard in full": racing(
    {
      main: [call(agent("helper")), say("Done.")],
      helper: [call(bash("echo inner")), say("Helped.")],
    },
    simply({ forwardSubagentText: true, includePartialMessages: true }),
  ),
  "a subagent's subagent": racing(
    {
      main: [call(agent("helper")), say("Done.")],
      helper: [call(agent("scout")), say("Helped.")],
      scout: [call(bash("echo inner")), say("Scouted.")],
    },
    simply(),
  ),
  "a subagent on another model": racing(
    {
      main: [
        call({
          name: "Agent",
          input: { ...agent("helper").input, subagent_type: "scout" },
        }),
        say("Done."),
      ],
      helper: [say("Helped.")],
    },
    simply({
      agents: {
        scout: { description: "Scouts.", prompt: "You scout.", model: "claude-haiku-4-5" },
      },
    }),
  ),
  "a background subagent": racing(
    {
      main: [call(agent("helper", true)), say("Started."), say("It has reported.")],
      helper: [call(bash("sleep 0.3; echo inner")), say("Helped.")],
    },
    simply(),
  ),
  "two turns": ordered({ main: [say("One."), call(bash("echo two")), say("Two.")] }, (stage) =>
    ask(stage, prompts("First.", "Second.")),
  ),
  "a cleared conversation": ordered({ main: [say("One."), say("Two.")] }, (stage) =>
    ask(stage, prompts("First.", "/clear", "Second.")),
  ),
  "a compacted conversation": ordered(
    { main: [say("One."), say("A summary."), say("A summary."), say("Two.")] },
    (stage) => ask(stage, prompts("First.", "/compact", "Second.")),
  ),
  resume: ordered(
    { main: [say("One."), call(bash("echo two")), say("Two.")] },
    goingOn((session) => ({ resume: session })),
  ),
  continue: ordered(
    { main: [say("One."), say("Two.")] },
    goingOn(() => ({ continue: true })),
  ),
  fork: ordered(
    { main: [say("One."), say("Two.")] },
    goingOn((session) => ({ resume: session, forkSession: true })),
  ),
  "max turns": ordered({ main: [call(bash("echo again"))] }, simply({ maxTurns: 2 })),
  budget: ordered({ main: [call(bash("echo again"))] }, simply({ maxBudgetUsd: 0.01 })),
  "a retry": ordered({ main: [fail(529), say("Hello.")] }, simply()),
  "a broken stream": ordered({ main: [say("Hel", { breaks: true }), say("Hello.")] }, simply()),
  "error 400": ordered({ main: [fail(400)] }, simply()),
  "error 401": ordered({ main: [fail(401)] }, simply()),
  "error 429": ordered({ main: [fail(429)] }, simply()),
  "error 500": ordered({ main: [fail(500)] }, simply()),
  "error after a tool": ordered({ main: [call(bash("echo one")), fail(400)] }, simply()),
  refusal: ordered({ main: [say("No.", { stopReason: "refusal" })] }, simply()),
  "a missing binary": ordered(SIMPLE, simply({ pathToClaudeCodeExecutable: "/nowhere/claude" })),
  "a killed process": ordered(
    { main: [call(bash("kill -9 $PPID"))] },
    simply({ includePartialMessages: true }),
  ),
  "a host that stops listening": ordered(
    { main: [call(bash("echo one")), say("Done.")] },
    (stage) => ask(stage, { until: "user" }),
  ),
  "a host that calls return()": ordered({ main: [call(bash("echo one")), say("Done.")] }, (stage) =>
    ask(stage, { until: "user", leave: (query) => query.return() }),
  ),
  "a host that calls close()": ordered({ main: [call(bash("echo one")), say("Done.")] }, (stage) =>
    ask(stage, { until: "user", leave: (query) => query.close() }),
  ),
  "a host that throws": ordered({ main: [call(bash("echo one")), say("Done.")] }, (stage) =>
    ask(stage, {
      onMessage: ({ type }) => {
        if (type === "user") throw new Error("The host is broken.");
      },
    }),
  ),
  abort: ordered({ main: [say("Never.", { delayMs: LONG_MS })] }, aborted),
  interrupt: racing({ main: [say("Never.", { delayMs: LONG_MS })] }, interrupted()),
  "an interrupt and another turn": racing(
    { main: [say("Never.", { delayMs: LONG_MS }), say("Two.")] },
    interrupted("Second."),
  ),
} satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;
