/** A host without a line of spanledger: asks the agent at the API of the first argument one thing. */
import { query } from "@anthropic-ai/claude-agent-sdk";
import { claudeOptions, kindOf } from "./claude.ts";

const [apiUrl = "", directory = ""] = process.argv.slice(2);
for await (const message of query({
  prompt: "Hello.",
  options: claudeOptions(apiUrl, directory),
})) {
  console.log(kindOf(message));
}
