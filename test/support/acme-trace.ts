import { Store } from "../../src/store/store.ts";
import { ACME_NOW_MS } from "./acme.ts";
import { execution, modelUsage, type SpanRowChanges, spanRow, usage } from "./span-rows.ts";

/** A run of three seconds with a failing tool, a chat and a subagent, all beneath its own account. */
export function writeAcmeTrace(path: string): void {
  const store = new Store({ path, writer: "acme", busyTimeoutMs: 1000 });
  const at = (fromMs: number, toMs: number, changes: SpanRowChanges) =>
    spanRow({
      trace: "acme",
      ...changes,
      startS: ACME_NOW_MS / 1000 + Math.floor(fromMs / 1000),
      startNs: (fromMs % 1000) * 1e6,
      durationNs: (toMs - fromMs) * 1e6,
    });
  const models = [
    modelUsage({ inputTokens: 120, cacheReadTokens: 4000, reportedCostNanoUsd: 18_600_000 }),
  ];
  const chat = (cost: number) =>
    usage({ models: [modelUsage({ inputTokens: 60, computedCostNanoUsd: cost })] });
  const events = [
    {
      name: "exception",
      s: ACME_NOW_MS / 1000 + 1,
      ns: 4e8,
      attributes: { "exception.type": "Error", "exception.message": "exit code 1" },
    },
  ];
  store.write(
    [
      at(0, 3000, {
        ...{ span: "run", name: "invoke_agent reviewer", statusCode: 1 },
        execution: execution(),
        usage: usage({ scope: "ledger", models }),
      }),
      at(20, 900, {
        span: "chat",
        parent: "run",
        name: "chat claude-sonnet-4-5",
        usage: chat(9e6),
      }),
      at(900, 1400, {
        ...{ span: "bash", parent: "run", name: "execute_tool Bash", statusCode: 2 },
        attributeKeys: '["error.type"]',
        attributeValues: '["Error"]',
        detail: JSON.stringify({ statusMessage: "exit code 1", events }),
      }),
      at(1400, 2900, { span: "agent", parent: "run", name: "execute_tool Agent" }),
      at(1500, 2800, {
        ...{ span: "sub", parent: "agent", name: "invoke_agent explorer" },
        execution: execution({ nested: true, agentName: "explorer" }),
      }),
      at(1600, 2700, { span: "chat-2", parent: "sub", name: "chat haiku", usage: chat(2e6) }),
    ],
    ACME_NOW_MS,
  );
  store.close();
}
