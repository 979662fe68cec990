/**
 * The main job, offline: a review bot works through a day's deliveries, each a recorded run of the
 * Claude Agent SDK, and spanledger writes what they did and cost. Then the report. Run it with
 * `npm start` or `bun start`; each start adds a set of runs.
 */
import { fileURLToPath } from "node:url";
import { type ExecutionResult, executionResultFromSdk, startTelemetry } from "../src/index.ts";
import { type QueryParams, type RecordedQuery, recordedQuery } from "./recorded-query.ts";

interface Delivery {
  deliveryId: string;
  eventType: string;
  repo: string;
  prNumber: number;
  /** Recorded runs, one after the other: a resumed conversation takes two. */
  runs: string[];
}

const DELIVERIES: Delivery[] = [
  { deliveryId: "d-01", eventType: "mention", repo: "acme/api", prNumber: 41, runs: ["simple"] },
  { deliveryId: "d-02", eventType: "review", repo: "acme/api", prNumber: 42, runs: ["bash"] },
  { deliveryId: "d-03", eventType: "review", repo: "acme/web", prNumber: 7, runs: ["partial"] },
  {
    deliveryId: "d-04",
    eventType: "mention",
    repo: "acme/docs",
    prNumber: 3,
    runs: ["multiturn-streaming-input"],
  },
  {
    deliveryId: "d-05",
    eventType: "write",
    repo: "acme/api",
    prNumber: 43,
    runs: ["resume-1", "resume-2"],
  },
  { deliveryId: "d-06", eventType: "review", repo: "acme/docs", prNumber: 4, runs: ["maxturns"] },
  { deliveryId: "d-07", eventType: "review", repo: "acme/api", prNumber: 44, runs: ["err529"] },
  { deliveryId: "d-08", eventType: "write", repo: "acme/web", prNumber: 9, runs: ["abort"] },
];

/** Comes in once the others are done, so that the newest run is one with something to see inside. */
const LAST_DELIVERY: Delivery = {
  deliveryId: "d-09",
  eventType: "review",
  repo: "acme/web",
  prNumber: 8,
  runs: ["subagent"],
};

const MODEL = "claude-sonnet-4-5";
const DB_PATH = process.env["TELEMETRY_DB_PATH"] ?? "./data/telemetry.db";

const telemetry = startTelemetry({ serviceName: "review-bot", dbPath: DB_PATH });

class Reviewer {
  async execute(delivery: Delivery): Promise<ExecutionResult> {
    let message: unknown;
    let errorMessage: string | undefined;
    for (const run of delivery.runs) {
      const query = telemetry.instrumentQuery<(params: QueryParams) => RecordedQuery>(
        await recordedQuery(run),
      );
      try {
        for await (message of query({ prompt: "Review this.", options: { model: MODEL } }));
      } catch (error) {
        errorMessage = String(error);
      }
    }
    return executionResultFromSdk(message, { model: MODEL, errorMessage });
  }
}

const reviewer = telemetry.instrumentExecutor(new Reviewer(), {
  describe: ({ deliveryId, repo, prNumber, eventType }) => ({
    name: "reviewer",
    model: MODEL,
    deliveryId,
    repo,
    prNumber,
    eventType,
  }),
});

console.log(`Replaying ${DELIVERIES.length + 1} recorded deliveries at their recorded pace …\n`);
await Promise.all(DELIVERIES.map((delivery) => reviewer.execute(delivery)));
await reviewer.execute(LAST_DELIVERY);
await telemetry.shutdown();

async function spanledger(...args: string[]): Promise<void> {
  const cli = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
  const command = Bun.spawn([process.execPath, cli, ...args, "--db", DB_PATH], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await command.exited) !== 0) process.exitCode = 1;
}

/** The command line as it can be called here, by whoever started this. */
const CLI = process.env["npm_config_user_agent"]?.startsWith("npm/")
  ? "npm run -s spanledger --"
  : "bun run --silent spanledger";

await spanledger("report", "--by", "model,repo", "--since", "30d");
console.log("\nThe newest run, from the inside:\n");
await spanledger("trace", "latest");
console.log(`
It is all in ${DB_PATH}. To look further:
  sqlite3 ${DB_PATH} "select repo, model, cost_usd, conclusion from executions order by id desc limit 5"
  ${CLI} report --by event,day
  ${CLI} trace 1`);
