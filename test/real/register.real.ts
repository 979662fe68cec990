/** The real Claude Agent SDK in a host that knows nothing of spanledger but a flag on its command line. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openReader } from "../../src/index.ts";
import { startMessagesApi } from "./support/messages-api.ts";
import { useRunDirectories } from "./support/run-directories.ts";
import { say } from "./support/script.ts";

const newDirectory = useRunDirectories();
const ROOT = join(import.meta.dirname, "../..");

test.each(["@anthropic-ai/claude-agent-sdk", "@anthropic-ai/claude-agent-sdk/core"])(
  "preloading spanledger/register records what %s served, and nothing else changes",
  async (module) => {
    const api = startMessagesApi({ main: [say("Hello.")] });
    const directory = newDirectory();
    const dbPath = join(directory, "t.db");
    const host = join(import.meta.dirname, "support/register-host.ts");
    const preload = ["--preload", join(ROOT, "src/register.ts")];
    const child = Bun.spawn([process.execPath, ...preload, host, api.url, directory, module], {
      env: { ...process.env, TELEMETRY_DB_PATH: dbPath },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    await api.stop();
    expect([stderr, exitCode]).toEqual(["", 0]);
    expect(stdout.trim().split("\n").at(-1)).toBe("result:success");
    using reader = openReader(dbPath);
    const [run] = reader.all<Record<string, unknown>>(
      "SELECT input_tokens, output_tokens, conclusion, cost_source FROM executions",
    );
    const [served] = api.served;
    expect(run).toEqual({
      input_tokens: served?.usage?.inputTokens,
      output_tokens: served?.usage?.outputTokens,
      conclusion: "success",
      cost_source: "reported",
    });
  },
);
