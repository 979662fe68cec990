/** What a report says of an agent's account, from its result to the sentence below the table. */
import { expect, test } from "bun:test";
import { costReport, openReader, startTelemetry } from "../../src/index.ts";
import { drain } from "../support/drain.ts";
import { readTranscript, type SdkMessage } from "../support/replay-query.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

async function reportOf(messages: readonly SdkMessage[], options: object = {}) {
  const dbPath = `${tempDir()}/t.db`;
  const telemetry = startTelemetry({ dbPath, registerGlobals: false });
  const query = telemetry.instrumentQuery(async function* (_: object) {
    yield* messages;
  });
  await drain(query({ prompt: "go", options }));
  await telemetry.shutdown();
  using reader = openReader(dbPath);
  const { total, notes } = costReport(reader, { by: ["model"] });
  return { total, notes: notes.map(({ text }) => text) };
}

/** A thousand tokens in and out on each model, with the cost that is reported of it. */
function resultOf(costsUsd: Record<string, number>): SdkMessage {
  const used = { inputTokens: 1000, outputTokens: 1000 };
  const modelUsage = Object.fromEntries(
    Object.entries(costsUsd).map(([model, costUSD]) => [model, { ...used, costUSD }]),
  );
  return { type: "result", subtype: "success", session_id: "s", modelUsage };
}

test("a cost within 5 % of the price list's needs no note, and one beyond is told with both", async () => {
  const listUsd = { sonnet: 0.018, haiku: 0.006 };
  const result = resultOf({
    "claude-sonnet-4-5": listUsd.sonnet * 1.05,
    "claude-haiku-4-5": listUsd.haiku * 1.06,
  });
  expect((await reportOf([result])).notes).toEqual([
    "claude-haiku-4-5: reported cost $0.0064 and the price list's $0.0060 differ by 5.7 %.",
  ]);
});

test("a session of unknown usage is not in the sums, but the calls that were seen are", async () => {
  const { messages } = readTranscript("resume-2");
  for (const message of messages) delete message["model_usage_since_last_result"];
  const { total, notes } = await reportOf(messages, { resume: "of another process" });
  expect(total.costNanoUsd).toBe(8_849_400);
  expect(notes).toContain(
    "1 run went on with a session of unknown usage: only the calls that were seen are in the sums.",
  );
});
