/**
 * A host without a line of spanledger: asks the agent at the API of the first argument one thing,
 * through the module named last.
 */
import { claudeOptions, kindOf } from "./claude.ts";

type AgentSdk = typeof import("@anthropic-ai/claude-agent-sdk");

const [apiUrl = "", directory = "", module = ""] = process.argv.slice(2);
const { query } = (await import(module)) as AgentSdk;
for await (const message of query({
  prompt: "Hello.",
  options: claudeOptions(apiUrl, directory),
})) {
  console.log(kindOf(message));
}
