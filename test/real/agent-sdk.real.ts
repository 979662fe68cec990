/** The real Claude Agent SDK within an instrumented executor: every way a run goes and ends. */
import { beforeAll, describe, expect, test } from "bun:test";
import { query } from "@anthropic-ai/claude-agent-sdk";
import { kindOf } from "./support/claude.ts";
import { EXPECTED, render } from "./support/expected.ts";
import { type HostedRun, runInHost } from "./support/host.ts";
import { treeOf } from "./support/ledger-file.ts";
import { startMessagesApi } from "./support/messages-api.ts";
import { useRunDirectories } from "./support/run-directories.ts";
import { SCENARIOS, type Scenario, type ScenarioName } from "./support/scenarios.ts";
import { servedTotals, type Totals } from "./support/truth.ts";

const newDirectory = useRunDirectories();

/** How they end, no result tells what they used: what was seen is all there is. */
const CUT_SHORT: ReadonlySet<string> = new Set<ScenarioName>([
  "a missing binary",
  "a killed process",
  "a host that stops listening",
  "a host that calls return()",
  "a host that calls close()",
  "a host that throws",
  "abort",
]);

/** A stream that broke is served, and the SDK leaves it out of its own account. */
function accounted({ served }: HostedRun, name: string): HostedRun["served"] {
  return name === "a broken stream" ? served.filter((call) => call.isComplete) : served;
}

function withoutPorts(error: unknown): string {
  return String(error).replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1");
}

for (const [name, scenario] of Object.entries<Scenario>(SCENARIOS)) {
  describe(name, () => {
    let run: HostedRun;
    beforeAll(async () => {
      run = await runInHost(scenario, newDirectory());
    });

    test("the host gets the very messages that the SDK yields", () => {
      expect(run.outcome.received.length).toBe(run.yielded.length);
      for (const [index, message] of run.yielded.entries()) {
        expect(run.outcome.received[index]).toBe(message);
      }
    });

    test("every span that was started has ended, once, and is in the file", () => {
      expect(run.logged).toEqual([]);
      const { ended, committed, queued, dropped } = run.health;
      expect({ ended, committed, queued, dropped }).toEqual({
        ended: run.started,
        committed: run.started,
        queued: 0,
        dropped: {},
      });
      expect(run.file.spans.length).toBe(run.started);
    });

    if (CUT_SHORT.has(name)) {
      test("what was seen of its usage is a lower bound", () => {
        const seen = run.file.totals;
        const served = servedTotals(run.served);
        expect(run.file.executions[0]?.usage_quality).toBe("lower_bound");
        for (const key of Object.keys(seen) as (keyof Totals)[]) {
          expect(seen[key]).toBeLessThanOrEqual(served[key]);
        }
        const hasChat = run.file.spans.some(({ name }) => name.startsWith("chat "));
        expect(seen.input > 0 && seen.costNanoUsd > 0).toBe(hasChat);
      });
    } else {
      test("tokens and dollars are what was served", () => {
        expect(run.file.totals).toEqual(servedTotals(accounted(run, name)));
        expect(run.file.executions[0]?.usage_quality).toBe("exact");
      });
    }

    if (scenario.isOrdered) {
      test("without telemetry the messages come in the same order", async () => {
        const api = startMessagesApi(scenario.script);
        const bare = await scenario.drive({ api, query, directory: newDirectory() });
        await api.stop();
        expect(run.outcome.received.map(kindOf)).toEqual(bare.received.map(kindOf));
        expect(withoutPorts(run.outcome.error)).toBe(withoutPorts(bare.error));
      });
    }

    test("the run ended as it did, and the tree has the right shape", () => {
      const { conclusion, errorType, queries } = EXPECTED[name as ScenarioName];
      expect(run.file.executions).toMatchObject([
        { agent_name: "reviewer", conclusion, error_type: errorType, repo: "acme/api" },
      ]);
      const failed = conclusion === "success" ? "" : " !";
      expect(treeOf(run.file.spans)).toBe(
        render([`invoke_agent reviewer (internal)${failed}`, ...queries]),
      );
    });
  });
}
