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
