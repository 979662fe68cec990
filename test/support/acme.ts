import type { SpanRow } from "../../src/store/rows.ts";
import { Store } from "../../src/store/store.ts";
import { execution, modelUsage, spanRow, usage } from "./span-rows.ts";

export const ACME_NOW_MS: number = Date.UTC(2026, 10, 20, 12, 0, 0);
const HOUR_MS = 3_600_000;

interface AcmeRun {
  hoursAgo: number;
  repo: string | null;
  prNumber?: number;
  eventType: string;
  agentName?: string;
  sessionId?: string;
  conclusion?: "success" | "failure" | "error";
  errorType?: string;
  seconds: number;
  /** Per model: name, tokens (uncached, read, written, output), reported and computed nano-dollars. */
  uses: readonly (readonly [string, readonly number[], number | null, number | null])[];
  attributes?: string;
}

const SONNET = "claude-sonnet-4-5";
const HAIKU = "claude-haiku-4-5";

const RUNS: readonly AcmeRun[] = [
  {
    hoursAgo: 1,
    ...{ repo: "acme/api", prNumber: 41, eventType: "review", sessionId: "s-1", seconds: 62 },
    uses: [
      [SONNET, [1200, 40_000, 9000, 3100], 120_350_000, 119_000_000],
      [HAIKU, [800, 0, 0, 90], 1_250_000, 1_250_000],
    ],
    attributes: '{"team":"core"}',
  },
  {
    hoursAgo: 5,
    ...{ repo: "acme/api", prNumber: 41, eventType: "mention", sessionId: "s-1", seconds: 9 },
    uses: [[SONNET, [300, 12_000, 0, 410], 10_650_000, 10_650_000]],
    attributes: '{"team":"core"}',
  },
  {
    hoursAgo: 26,
    ...{ repo: "acme/web", prNumber: 7, eventType: "review", seconds: 130 },
    ...{ conclusion: "failure", errorType: "max_turns" },
    uses: [[SONNET, [5000, 88_000, 20_000, 9900], 264_900_000, 290_000_000]],
    attributes: '{"team":"web"}',
  },
  {
    hoursAgo: 30,
    ...{ repo: "acme/web", prNumber: 8, eventType: "review", agentName: "writer", seconds: 18 },
    uses: [["gpt-5", [2000, 0, 0, 700], null, 9_500_000]],
  },
  {
    hoursAgo: 80,
    ...{ repo: "acme/docs", eventType: "write", agentName: "writer", seconds: 4 },
    uses: [["in-house-7b", [900, 0, 0, 50], null, null]],
  },
  {
    hoursAgo: 200,
    ...{ repo: null, eventType: "write", conclusion: "error", errorType: "AbortError", seconds: 3 },
    uses: [],
  },
];

function rowsOf(run: AcmeRun, trace: number): SpanRow[] {
  const endMs = ACME_NOW_MS - run.hoursAgo * HOUR_MS;
  const { repo, prNumber = null, eventType, sessionId = null, attributes = null } = run;
  const { conclusion = "success", errorType = null, agentName = "reviewer", seconds } = run;
  const models = run.uses.map(([model, [input, read, written, output], reported, computed]) =>
    modelUsage({
      model,
      provider: model.startsWith("claude") ? "anthropic" : model === "gpt-5" ? "openai" : null,
      inputTokens: input ?? null,
      cacheReadTokens: read ?? null,
      cacheCreationTokens: written ?? null,
      outputTokens: output ?? null,
      reportedCostNanoUsd: reported,
      computedCostNanoUsd: computed,
    }),
  );
  const facts = { agentName, repo, prNumber, eventType, sessionId, conclusion, errorType };
  return [
    spanRow({
      ...{ trace, span: `run-${trace}`, endMs, name: `invoke_agent ${agentName}` },
      startS: endMs / 1000 - seconds,
      startNs: 0,
      durationNs: seconds * 1e9,
      statusCode: conclusion === "success" ? 1 : 2,
      execution: execution({
        ...facts,
        attributes,
        numTurns: 3,
        model: models[0]?.model ?? SONNET,
        provider: models[0] ? models[0].provider : "anthropic",
        durationMs: seconds * 1000,
      }),
      usage: models.length > 0 ? usage({ scope: "ledger", models }) : null,
    }),
  ];
}

/** A bot's few runs before noon of 20 November 2026, small enough to add up by hand. */
export function writeAcme(path: string): void {
  const store = new Store({ path, writer: "acme", busyTimeoutMs: 1000 });
  RUNS.toReversed().forEach((run, index) => {
    store.write(rowsOf(run, index), ACME_NOW_MS);
  });
  store.close();
}
