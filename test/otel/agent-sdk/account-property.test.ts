/** Whatever becomes of a conversation, the sum of what its results added is what it used. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  Account,
  continuationOf,
  type SessionTotals,
} from "../../../src/otel/agent-sdk/account.ts";
import { BoundedMap } from "../../../src/otel/bounded-map.ts";
import type { Fields } from "../../../src/otel/values.ts";

interface Used {
  outputTokens: number;
  costNanoUsd: number;
}

interface Turn {
  /** What happens before it. */
  before: "nothing" | "clear" | "resume" | "fork" | "new query";
  used: Record<string, Used>;
  /** Whether the result says what it added, beside the running total. */
  saysAdded: boolean;
}

const turn: fc.Arbitrary<Turn> = fc.record({
  before: fc.constantFrom("nothing", "nothing", "clear", "resume", "fork", "new query"),
  used: fc.dictionary(
    fc.constantFrom("opus", "sonnet", "haiku"),
    fc.record({ outputTokens: fc.integer({ min: 1, max: 1e6 }), costNanoUsd: fc.nat(1e10) }),
    { minKeys: 1 },
  ),
  saysAdded: fc.boolean(),
});

/** The Agent SDK's side: totals in floating-point dollars, which run on over a session. */
class Sdk {
  sessionId = "session 0";
  #sessions = 0;
  #totals: Record<string, { outputTokens: number; costUSD: number }> = {};

  newSession(keepsTotals: boolean): void {
    this.sessionId = `session ${++this.#sessions}`;
    if (!keepsTotals) this.#totals = {};
  }

  result({ used, saysAdded }: Turn): Fields {
    const added: Record<string, object> = {};
    for (const [model, { outputTokens, costNanoUsd }] of Object.entries(used)) {
      const total = this.#totals[model] ?? { outputTokens: 0, costUSD: 0 };
      const costUSD = costNanoUsd / 1e9;
      added[model] = { outputTokens, costUSD };
      this.#totals[model] = {
        outputTokens: total.outputTokens + outputTokens,
        costUSD: total.costUSD + costUSD,
      };
    }
    return {
      type: "result",
      subtype: "success",
      session_id: this.sessionId,
      modelUsage: structuredClone(this.#totals),
      ...(saysAdded ? { model_usage_since_last_result: added } : {}),
    };
  }
}

/** The host's side: an account a query, which knows what the host asked for. */
function accountsOf(sdk: Sdk): (before: Turn["before"]) => Account {
  const sessions: SessionTotals = new BoundedMap(100);
  let account = new Account(sessions, undefined);
  return (before) => {
    const resume = sdk.sessionId;
    if (before === "new query" || before === "clear") sdk.newSession(false);
    if (before === "fork") sdk.newSession(true);
    if (before === "clear") account.reset();
    if (before === "new query") account = new Account(sessions, undefined);
    if (before === "resume" || before === "fork") {
      account = new Account(sessions, continuationOf({ resume }));
    }
    return account;
  };
}

function sumByModel(entries: readonly [string, Used][]): Record<string, Used> {
  const sums: Record<string, Used> = {};
  for (const [model, used] of entries) {
    const sum = sums[model] ?? { outputTokens: 0, costNanoUsd: 0 };
    sums[model] = {
      outputTokens: sum.outputTokens + used.outputTokens,
      costNanoUsd: sum.costNanoUsd + used.costNanoUsd,
    };
  }
  return sums;
}

test("what results added is what was used, over turns, processes, forks and cleared conversations", () => {
  fc.assert(
    fc.property(turn, fc.array(turn, { maxLength: 12 }), (first, others) => {
      const turns = [{ ...first, before: "nothing" as const }, ...others];
      const sdk = new Sdk();
      const accountBefore = accountsOf(sdk);
      const counted = turns.flatMap((turn): [string, Used][] => {
        const account = accountBefore(turn.before);
        const seen = { usage: false, model: undefined };
        const ledger = account.ledgerOf(sdk.result(turn), "2.1.330", seen);
        expect(ledger?.quality).toBe("exact");
        return (ledger?.entries ?? []).map(({ model, outputTokens, costUsd = 0 }) => [
          model,
          { outputTokens, costNanoUsd: Math.round(costUsd * 1e9) },
        ]);
      });
      expect(sumByModel(counted)).toEqual(
        sumByModel(turns.flatMap(({ used }) => Object.entries(used))),
      );
    }),
    { numRuns: 500 },
  );
});
