/** A host as ours is meant for: an executor around the Agent SDK's query, both instrumented. */
import { query, type SDKMessage } from "@anthropic-ai/claude-agent-sdk";
import {
  type ExecutionResult,
  executionResultFromSdk,
  startTelemetry,
  type Telemetry,
} from "../../../src/index.ts";
import { type LedgerFile, readLedgerFile } from "./ledger-file.ts";
import type { ServedCall } from "./messages-api.ts";
import { startMessagesApi } from "./messages-api.ts";
import type { Outcome, Scenario } from "./scenarios.ts";
import { tap } from "./tap.ts";

export interface HostedRun {
  dbPath: string;
  outcome: Outcome;
  /** What the real query yielded, before any wrapper. */
  yielded: SDKMessage[];
  served: readonly ServedCall[];
  file: LedgerFile;
  /** Spans that were started, and what telemetry says of those that ended. */
  started: number;
  health: ReturnType<Telemetry["health"]>;
  /** What telemetry had to say: a span that ends twice or before it starts, an error in the recording. */
  logged: string[];
}

function countStarts(telemetry: Telemetry): () => number {
  let started = 0;
  const start = telemetry.tracer.startSpan;
  telemetry.tracer.startSpan = (...args) => {
    started += 1;
    return start.apply(telemetry.tracer, args);
  };
  return () => started;
}

/** Plays a scenario through an executor named `reviewer`, and reads the file after the shutdown. */
export async function runInHost(
  scenario: Scenario,
  directory: string,
  environment: Record<string, string> = {},
): Promise<HostedRun> {
  const api = startMessagesApi(scenario.script);
  const dbPath = `${directory}/telemetry.db`;
  const logged: string[] = [];
  const log = (message: string) => logged.push(message);
  const telemetry = startTelemetry({ dbPath, logger: { warn: log, error: log } });
  const started = countStarts(telemetry);
  const source = tap(query);
  let outcome: Outcome = { received: [] };
  const executor = telemetry.instrumentExecutor(
    {
      async execute(_context: { prNumber: number }): Promise<ExecutionResult> {
        const instrumented = telemetry.instrumentQuery(source.query);
        outcome = await scenario.drive({ api, directory, query: instrumented, environment });
        return executionResultFromSdk(
          outcome.received.findLast((message) => message.type === "result"),
        );
      },
    },
    { describe: ({ prNumber }) => ({ name: "reviewer", repo: "acme/api", prNumber }) },
  );
  try {
    await executor.execute({ prNumber: 7 });
  } finally {
    await telemetry.flush();
    await telemetry.shutdown();
    await api.stop();
  }
  return {
    dbPath,
    outcome,
    yielded: source.yielded,
    served: api.served,
    file: readLedgerFile(dbPath),
    started: started(),
    health: telemetry.health(),
    logged,
  };
}
