/** What the ledger must hold of each scenario: how the run ended, and the tree beneath its span. */
import type { ScenarioName } from "./scenarios.ts";

/** A span's name, kind and status, and what stands beneath it. */
export type Tree = readonly [span: string, ...children: Tree[]];

export interface Expected {
  conclusion: "success" | "failure" | "error";
  errorType: string | null;
  /** Beneath the executor's own span. */
  queries: readonly Tree[];
}

const CHAT: Tree = ["chat claude-sonnet-4-5 (client)"];
const query = (...children: Tree[]): Tree => ["invoke_agent claude (internal)", ...children];
const failedQuery = (...children: Tree[]): Tree => [
  "invoke_agent claude (internal) !",
  ...children,
];
const tool = (name: string, ...children: Tree[]): Tree => [
  `execute_tool ${name} (internal)`,
  ...children,
];
const failedTool = (name: string): Tree => [`execute_tool ${name} (internal) !`];
const subagent = (name: string, ...children: Tree[]): Tree => [
  `invoke_agent ${name} (internal)`,
  ...children,
];
/** Its last words stay with it, so that its last chat is not seen, but in the background. */
const HELPER = subagent("general-purpose", CHAT, tool("Bash"));

const success = (...queries: Tree[]): Expected => ({
  conclusion: "success",
  errorType: null,
  queries,
});
const failure = (errorType: string, ...queries: Tree[]): Expected => ({
  conclusion: "failure",
  errorType,
  queries,
});
const error = (errorType: string, ...queries: Tree[]): Expected => ({
  conclusion: "error",
  errorType,
  queries,
});

export const EXPECTED: Readonly<Record<ScenarioName, Expected>> = {
  simple: success(query(CHAT)),
  "stream events": success(query(CHAT)),
  "a context of a million tokens": success(query(CHAT)),
  thinking: success(query(CHAT)),
  "a tool": success(query(CHAT, tool("Bash"), CHAT)),
  "a failing tool": success(query(CHAT, failedTool("Bash"), CHAT)),
  "parallel tools": success(query(CHAT, tool("Bash"), tool("Bash"), CHAT)),
  "an MCP tool": success(query(CHAT, tool("mcp__weather__report"), CHAT)),
  "a denied tool": success(query(CHAT, failedTool("Bash"), CHAT)),
  "structured output": success(query(CHAT, tool("StructuredOutput"))),
  "a subagent": success(query(CHAT, tool("Agent", HELPER), CHAT)),
  "two subagents at once": success(
    query(CHAT, tool("Agent", HELPER), tool("Agent", subagent("general-purpose")), CHAT),
  ),
  "a subagent that is heard in full": success(
    query(CHAT, tool("Agent", subagent("general-purpose", CHAT, tool("Bash"), CHAT)), CHAT),
  ),
  "a subagent's subagent": success(
    query(
      CHAT,
      tool(
        "Agent",
        subagent("general-purpose", tool("Agent", subagent("general-purpose", tool("Bash"))), CHAT),
      ),
      CHAT,
    ),
  ),
  "a subagent on another model": success(query(CHAT, tool("Agent", subagent("scout")), CHAT)),
  "a background subagent": success(
    query(CHAT, tool("Agent", subagent("general-purpose", CHAT, tool("Bash"), CHAT)), CHAT),
    query(CHAT),
  ),
  "two turns": success(query(CHAT), query(CHAT, tool("Bash"), CHAT)),
  "a cleared conversation": success(query(CHAT), query(), query(CHAT)),
  "a compacted conversation": success(query(CHAT), query(), query(CHAT)),
  resume: success(query(CHAT), query(CHAT, tool("Bash"), CHAT)),
  continue: success(query(CHAT), query(CHAT)),
  fork: success(query(CHAT), query(CHAT)),
  "max turns": failure("max_turns", failedQuery(CHAT, tool("Bash"), CHAT, tool("Bash"))),
  budget: failure("budget_exhausted", failedQuery(CHAT, tool("Bash"), CHAT, failedTool("Bash"))),
  "a retry": success(query(CHAT)),
  "a broken stream": success(query(CHAT)),
  "error 400": error("400", failedQuery()),
  "error 401": error("401", failedQuery()),
  "error 429": error("429", failedQuery()),
  "error 500": error("500", failedQuery()),
  "error after a tool": error("400", failedQuery(CHAT, tool("Bash"))),
  refusal: failure("refusal", failedQuery(CHAT, CHAT)),
  "a missing binary": error("executable_not_found", failedQuery()),
  "a killed process": error("process_killed_by_signal", failedQuery(CHAT, failedTool("Bash"))),
  "a host that stops listening": error("closed_by_consumer", failedQuery(CHAT, tool("Bash"))),
  "a host that calls return()": error("closed_by_consumer", failedQuery(CHAT, tool("Bash"))),
  "a host that calls close()": error("closed_by_consumer", failedQuery(CHAT, tool("Bash"))),
  "a host that throws": error("closed_by_consumer", failedQuery(CHAT, tool("Bash"))),
  abort: error("aborted", failedQuery(CHAT)),
  interrupt: error("aborted_streaming", failedQuery(CHAT)),
  "an interrupt and another turn": success(failedQuery(CHAT), query(CHAT)),
};

/** As `treeOf` writes a ledger's spans. */
export function render(tree: Tree, depth = 0): string {
  const [span, ...children] = tree;
  const lines = children.map((child) => render(child, depth + 1));
  return [`${"  ".repeat(depth)}${span}`, ...lines].join("\n");
}
