/** How the real Agent SDK runs here: against the stub alone, with nothing of this machine's user. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Options, SDKMessage } from "@anthropic-ai/claude-agent-sdk";

export const MODEL = "claude-sonnet-4-5";

/** The environment of the child; the SDK replaces `process.env` with it. */
export function claudeEnvironment(apiUrl: string, directory: string): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: directory,
    TMPDIR: directory,
    CLAUDE_CONFIG_DIR: join(directory, "config"),
    ANTHROPIC_BASE_URL: apiUrl,
    ANTHROPIC_API_KEY: "sk-ant-dummy",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    CLAUDE_CODE_MAX_RETRIES: "1",
  };
}

/** Options for a run whose home is `directory`; a resumed session needs the same one again. */
export function claudeOptions(apiUrl: string, directory: string, changes: Options = {}): Options {
  const cwd = join(directory, "work");
  mkdirSync(cwd, { recursive: true });
  return {
    model: MODEL,
    cwd,
    settingSources: [],
    allowedTools: ["Bash", "Agent"],
    ...changes,
    env: { ...claudeEnvironment(apiUrl, directory), ...changes.env },
  };
}

/** What tells one message from another without ids and times. */
export function kindOf(message: SDKMessage): string {
  const subtype = "subtype" in message ? `:${message.subtype}` : "";
  const isWithin = "parent_tool_use_id" in message && message.parent_tool_use_id !== null;
  return `${isWithin ? "  " : ""}${message.type}${subtype}`;
}
