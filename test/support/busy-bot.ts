import type { ModelUsageFacts, SpanRow } from "../../src/store/rows.ts";
import { addLine, type LedgerLine } from "./ledger.ts";
import { execution, modelUsage, spanRow, usage } from "./span-rows.ts";

/** mulberry32: the same numbers for the same seed. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const MODELS = ["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5", "gpt-5"] as const;
const CONCLUSIONS = ["success", "success", "success", "failure", "error"] as const;
const PADDING = "a line of what the tool was asked to do ".repeat(6);

/**
 * A bot whose runs are made up, and who keeps its own account of what they used, day by day, apart
 * from everything that the store does.
 */
export class BusyBot {
  readonly #random: (below: number) => number;
  readonly #account = new Map<string, LedgerLine>();
  readonly #seed: number;
  #traces = 0;
  spans = 0;

  /** Two bots of different seeds share no trace. */
  constructor(seed: number) {
    this.#seed = seed;
    this.#random = randomNumbers(seed);
  }

  /** The spans of one run that ends `endMs`, in the order in which they end: the run's own is last. */
  run(endMs: number, spans: number): SpanRow[] {
    const random = this.#random;
    const trace = `${this.#seed}-${this.#traces++}`;
    const at = {
      agentName: `agent-${random(3)}`,
      repo: random(10) === 0 ? null : `acme/repo-${random(6)}`,
      eventType: random(3) === 0 ? null : "pull_request",
      conclusion: CONCLUSIONS[random(CONCLUSIONS.length)] ?? "success",
    };
    const hasLedger = random(4) > 0;
    const models = MODELS.slice(random(3))
      .slice(0, 1 + random(2))
      .map((model) => this.#use(model));
    const rows: SpanRow[] = [];
    const seen = new Set<string | null>();
    for (let span = 2; span < spans; span++) {
      const isChat = span % 4 === 0;
      const model = models[span % models.length];
      const own =
        isChat && model ? usage({ models: [model], responseId: `r-${trace}-${span}` }) : null;
      if (own && !hasLedger && model) {
        this.#note(endMs, at, model, span === 4, !seen.has(model.model));
        seen.add(model.model);
      }
      const attributeValues = JSON.stringify([PADDING, span]);
      const name = isChat ? "chat" : `execute_tool ${span % 7}`;
      rows.push(
        spanRow({
          trace,
          span,
          parent: 1,
          endMs: endMs - spans + span,
          name,
          usage: own,
          attributeValues,
        }),
      );
    }
    const account = hasLedger ? usage({ scope: "ledger", models }) : null;
    rows.push(spanRow({ trace, span: 1, parent: 0, endMs, usage: account, name: "invoke_agent" }));
    rows.push(spanRow({ trace, span: 0, endMs, execution: execution(at), name: "review" }));
    if (hasLedger)
      for (const model of models) this.#note(endMs, at, model, model === models[0], true);
    else if (spans < 5) this.#note(endMs, at, null, true, true);
    this.spans += rows.length;
    return rows;
  }

  /** All that was ever used, as a report has to say it. */
  account(): LedgerLine[] {
    return [...this.#account].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  }

  #use(model: string): ModelUsageFacts {
    const random = this.#random;
    const reported = random(3) > 0 ? random(900_000_000) : null;
    return modelUsage({
      model,
      provider: model.startsWith("gpt") ? "openai" : "anthropic",
      inputTokens: random(5000),
      cacheReadTokens: random(90_000),
      cacheCreationTokens: random(9000),
      outputTokens: random(3000),
      reasoningTokens: random(2) ? random(100) : null,
      webSearchRequests: random(9) ? null : 1,
      reportedCostNanoUsd: reported,
      computedCostNanoUsd: random(5) > 0 ? random(900_000_000) : null,
    });
  }

  #note(
    endMs: number,
    at: { agentName: string; repo: string | null; eventType: string | null; conclusion: string },
    model: ModelUsageFacts | null,
    isRunsFirst: boolean,
    isModelsFirst: boolean,
  ): void {
    const day = new Date(endMs).toISOString().slice(0, 10);
    const { agentName, repo, eventType } = at;
    // A run that used nothing is counted under its own provider.
    const provider = model ? model.provider : execution().provider;
    const names = [day, agentName, repo, eventType, provider, model?.model ?? null];
    const key = JSON.stringify(names);
    const cost = model?.reportedCostNanoUsd ?? model?.computedCostNanoUsd ?? null;
    const line: LedgerLine = {
      day,
      agent_name: agentName,
      repo,
      event_type: eventType,
      provider,
      model: model?.model ?? null,
      runs: isRunsFirst ? 1 : 0,
      failures: isRunsFirst && at.conclusion !== "success" ? 1 : 0,
      model_runs: isModelsFirst ? 1 : 0,
      input_tokens: model?.inputTokens ?? 0,
      cache_read_tokens: model?.cacheReadTokens ?? 0,
      cache_creation_tokens: model?.cacheCreationTokens ?? 0,
      output_tokens: model?.outputTokens ?? 0,
      reasoning_tokens: model?.reasoningTokens ?? 0,
      web_search_requests: model?.webSearchRequests ?? 0,
      cost_nano_usd: cost ?? 0,
      estimated_cost_nano_usd: model?.reportedCostNanoUsd === null ? (cost ?? 0) : 0,
      unpriced: model && cost === null ? 1 : 0,
      duration_ms: isRunsFirst ? 1500 : 0,
    };
    const sum = this.#account.get(key);
    if (sum) addLine(sum, line);
    else this.#account.set(key, line);
  }
}
