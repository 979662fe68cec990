/** A bot that reviews pull requests: an executor on the Claude Agent SDK, a span around each execution. */
import { query } from "@anthropic-ai/claude-agent-sdk";
import { type ExecutionResult, executionResultFromSdk, startTelemetry } from "spanledger";

interface PullRequest {
  deliveryId: string;
  repo: string;
  prNumber: number;
}

const MODEL = "claude-sonnet-4-5";
const TIMEOUT_MS = 600_000;

// On SIGTERM, as a deployment sends it, what is still queued is written before the process ends.
const telemetry = startTelemetry({ serviceName: "review-bot", flushOnSignals: true });
const tracedQuery = telemetry.instrumentQuery(query);

class Reviewer {
  async execute({ repo, prNumber }: PullRequest): Promise<ExecutionResult> {
    const abortController = new AbortController();
    const timer = setTimeout(() => abortController.abort(), TIMEOUT_MS);
    let last: unknown;
    try {
      const prompt = `Review pull request ${prNumber} of ${repo}.`;
      const options = { model: MODEL, abortController };
      for await (const message of tracedQuery({ prompt, options })) last = message;
    } finally {
      clearTimeout(timer);
    }
    // The result message is the last one; without it, the fallback says what is known.
    return executionResultFromSdk(last, {
      model: MODEL,
      isTimeout: abortController.signal.aborted,
    });
  }
}

const reviewer = telemetry.instrumentExecutor(new Reviewer(), {
  describe: (pullRequest) => ({
    ...pullRequest,
    name: "reviewer",
    eventType: "review",
    model: MODEL,
    attributes: { "acme.team": "platform" },
  }),
});

const deliveries: PullRequest[] = [
  { deliveryId: "d-1", repo: "acme/api", prNumber: 41 },
  { deliveryId: "d-2", repo: "acme/web", prNumber: 7 },
];
const results = await Promise.all(deliveries.map((delivery) => reviewer.execute(delivery)));
for (const { conclusion, costUsd } of results) console.log(conclusion, costUsd);

await telemetry.shutdown();
const { ended, committed } = telemetry.health();
console.log(`${committed} of ${ended} spans are in the file`);
