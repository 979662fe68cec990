import { expect, test } from "bun:test";
import { bareModelName, isSameModel } from "../../../src/exporter/prices/model-name.ts";

test.each([
  ["claude-sonnet-4-5", "claude-sonnet-4-5"],
  ["Claude-Sonnet-4.5", "claude-sonnet-4-5"],
  ["claude-sonnet-4-5[1m]", "claude-sonnet-4-5"],
  ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5"],
  ["claude-sonnet-4-5@20250929", "claude-sonnet-4-5"],
  ["anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"],
  ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"],
  ["publishers/anthropic/models/claude-sonnet-4-5@default", "claude-sonnet-4-5"],
  ["gpt-4o-2024-08-06", "gpt-4o"],
  ["claude-3-opus-latest", "claude-3-opus"],
  ["deepseek-v3", "deepseek-v3"],
  ["gemini-2.5-flash-lite", "gemini-2-5-flash-lite"],
])("%s without what does not tell models apart is %s", (name, bare) => {
  expect(bareModelName(name)).toBe(bare);
});

test("names are of one model where they differ in nothing else, and in no date", () => {
  expect(isSameModel("claude-opus-4-20250514", "claude-opus-4-0")).toBe(true);
  expect(isSameModel("gpt-4o-2024-05-13", "gpt-4o")).toBe(true);
  expect(isSameModel("gpt-4o-2024-05-13", "gpt-4o-2024-08-06")).toBe(false);
  expect(isSameModel("claude-sonnet-5-5", "claude-sonnet-5")).toBe(false);
  expect(isSameModel("gpt-5.5-codex", "gpt-5.5")).toBe(false);
});
