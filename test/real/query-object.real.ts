/** The wrapped Query is the real one to its host: every method is there and does what it does. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { query, type SDKMessage, startup } from "@anthropic-ai/claude-agent-sdk";
import { openReader, startTelemetry, type Telemetry } from "../../src/index.ts";
import { claudeOptions } from "./support/claude.ts";
import { startMessagesApi } from "./support/messages-api.ts";
import { useRunDirectories } from "./support/run-directories.ts";
import { prompts } from "./support/scenarios.ts";
import { say } from "./support/script.ts";

let telemetry: Telemetry;
let dbPath: string;

beforeAll(() => {
  dbPath = `${newDirectory()}/telemetry.db`;
  telemetry = startTelemetry({ dbPath });
});

afterAll(async () => {
  await telemetry.shutdown();
});

/** Given up after the shutdown: in the order of their registration. */
const newDirectory = useRunDirectories();

function methodsOf(object: object): string[] {
  const names = new Set<string>();
  for (let at = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (typeof Reflect.get(object, name) === "function") names.add(name);
    }
  }
  return [...names].sort();
}

test("every method of the real Query is on the wrapped one", () => {
  const options = { prompt: "Go.", options: claudeOptions("http://127.0.0.1:1", newDirectory()) };
  const real = query(options);
  const wrapped = telemetry.instrumentQuery(query)(options);
  try {
    expect(methodsOf(wrapped)).toEqual(methodsOf(real));
    expect(methodsOf(wrapped)).toContain("streamInput");
    expect(wrapped).toBeInstanceOf(Object.getPrototypeOf(real).constructor);
  } finally {
    real.close();
    wrapped.close();
  }
});

test("its controls reach the agent's process while it streams", async () => {
  const api = startMessagesApi({ main: [say("One."), say("Two.")] });
  const { prompt, onMessage } = prompts("First.", "Second.");
  const conversation = telemetry.instrumentQuery(query)({
    prompt,
    options: claudeOptions(api.url, newDirectory()),
  });
  const results: SDKMessage[] = [];
  for await (const message of conversation) {
    if (message.type === "result") {
      results.push(message);
      if (results.length === 1) {
        expect((await conversation.supportedModels()).length).toBeGreaterThan(0);
        expect(await conversation.mcpServerStatus()).toEqual([]);
        await conversation.setModel("claude-haiku-4-5");
      }
    }
    onMessage(message);
  }
  await api.stop();
  expect(results.length).toBe(2);
  expect(api.served[0]?.model).toBe("claude-sonnet-4-5");
  // The agent tries a new model before it takes it, so there are more calls than turns.
  expect(api.served.at(-1)?.model).toBe("claude-haiku-4-5");
});

test("the query of a session that was warmed up is recorded as any other", async () => {
  const api = startMessagesApi({ main: [say("Hello.")] });
  const warm = await startup({ options: claudeOptions(api.url, newDirectory()) });
  const tracedQuery = telemetry.instrumentQuery(warm.query.bind(warm));
  const types: string[] = [];
  for await (const { type } of tracedQuery("Go.")) types.push(type);
  await api.stop();
  await telemetry.flush();
  expect(types).toEqual(["system", "assistant", "result"]);
  using reader = openReader(dbPath);
  const runs = reader.all(
    "SELECT output_tokens, conclusion FROM executions ORDER BY id DESC LIMIT 1",
  );
  expect(runs).toEqual([
    { output_tokens: api.served[0]?.usage?.outputTokens, conclusion: "success" },
  ]);
});
