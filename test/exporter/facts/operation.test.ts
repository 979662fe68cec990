import { expect, test } from "bun:test";
import { dialectOf } from "../../../src/exporter/facts/dialects.ts";
import { operationOf } from "../../../src/exporter/facts/operation.ts";
import type { ReadSpan } from "../../../src/exporter/facts/read-span.ts";

function operation(
  name: string,
  attributes: Record<string, unknown>,
  more: Partial<ReadSpan> = {},
): string | null {
  const span = { name, kind: 0, scopeName: "", attributes, events: [], statusCode: 0, endMs: 0 };
  return operationOf({ ...span, ...more }, dialectOf({ ...span, ...more }));
}

test("an operation is what the span states, in the words of the conventions", () => {
  expect(operation("x", { "gen_ai.operation.name": "chat" })).toBe("chat");
  expect(operation("x", { "gen_ai.operation.name": "of the future" })).toBe("of the future");
  const scopeName = "gemini-cli";
  expect(operation("x", { "gen_ai.operation.name": "llm_call" }, { scopeName })).toBe("chat");
  expect(operation("x", { "gen_ai.operation.name": "llm_call" })).toBe("llm_call");
});

test("where none is stated it is told by the kind of span, or by its name", () => {
  expect(operation("x", { "openinference.span.kind": "LLM" })).toBe("chat");
  expect(operation("x", { "traceloop.span.kind": "agent" })).toBe("invoke_agent");
  expect(operation("ai.toolCall", {}, { scopeName: "ai" })).toBe("execute_tool");
  expect(operation("ai.toolCall", {})).toBeNull();
});

test("no word is an operation for being a name of Object.prototype", () => {
  expect(operation("constructor", {}, { scopeName: "ai" })).toBeNull();
  expect(operation("x", { "openinference.span.kind": "constructor" })).toBeNull();
  expect(operation("x", { "openinference.span.kind": "__proto__" })).toBeNull();
});

test.each([
  [
    "traceloop.span.kind",
    {
      workflow: "invoke_workflow",
      agent: "invoke_agent",
      task: "agent_step",
      tool: "execute_tool",
    },
  ],
  [
    "openinference.span.kind",
    {
      LLM: "chat",
      AGENT: "invoke_agent",
      CHAIN: "agent_step",
      TOOL: "execute_tool",
      EMBEDDING: "embeddings",
    },
  ],
  [
    "langfuse.observation.type",
    {
      generation: "chat",
      embedding: "embeddings",
      agent: "invoke_agent",
      chain: "agent_step",
      tool: "execute_tool",
      span: null,
    },
  ],
  [
    "langsmith.span.kind",
    {
      llm: "chat",
      chain: "agent_step",
      tool: "execute_tool",
      embedding: "embeddings",
      retriever: null,
    },
  ],
  [
    "mastra.span.type",
    {
      agent_run: "invoke_agent",
      workflow_run: "invoke_workflow",
      model_generation: "chat",
      model_inference: "chat",
      tool_call: "execute_tool",
      mcp_tool_call: "execute_tool",
    },
  ],
  [
    "sentry.op",
    {
      "gen_ai.chat": "chat",
      "gen_ai.embeddings": "embeddings",
      "gen_ai.execute_tool": "execute_tool",
      "gen_ai.generate_content": "generate_content",
      "gen_ai.invoke_agent": "invoke_agent",
      "gen_ai.create_agent": "create_agent",
      "gen_ai.text_completion": "text_completion",
      "http.client": null,
    },
  ],
] as const)("each kind of %s is an operation", (attribute, operations) => {
  for (const [kind, expected] of Object.entries(operations)) {
    expect([kind, operation("x", { [attribute]: kind })]).toEqual([kind, expected]);
  }
});

test.each([
  [
    "the Vercel AI SDK",
    { scopeName: "ai" },
    {
      "ai.generateText": "invoke_agent",
      "ai.streamText": "invoke_agent",
      "ai.generateObject": "agent_step",
      "ai.streamObject": "agent_step",
      "ai.embed": "agent_step",
      "ai.embedMany": "agent_step",
      "ai.generateText.doGenerate": "chat",
      "ai.streamText.doStream": "chat",
      "ai.generateObject.doGenerate": "chat",
      "ai.streamObject.doStream": "chat",
      "ai.embed.doEmbed": "embeddings",
      "ai.embedMany.doEmbed": "embeddings",
      "ai.toolCall": "execute_tool",
    },
  ],
  [
    "Pydantic AI",
    { scopeName: "pydantic-ai" },
    { "agent run": "invoke_agent", "running tool": "execute_tool" },
  ],
  [
    "Google's ADK",
    { scopeName: "gcp.vertex.agent" },
    { invocation: "agent_step", call_llm: "chat" },
  ],
  [
    "Claude Code",
    {},
    {
      "claude_code.interaction": "invoke_agent",
      "claude_code.llm_request": "chat",
      "claude_code.tool": "execute_tool",
      "claude_code.tool.execution": null,
    },
  ],
  [
    "Codex",
    { attributes: { "codex.turn": "1" } },
    { handle_responses: "chat", "session_task.turn": "invoke_agent" },
  ],
] as const)("each span of %s that is one is told by its name", (_who, span, operations) => {
  for (const [name, expected] of Object.entries(operations)) {
    expect([name, operation(name, {}, span)]).toEqual([name, expected]);
  }
});
