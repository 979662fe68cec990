/** A drift between what an agent reports and what the price list says, from its result to the report. */
import { expect, test } from "bun:test";
import { costReport, openReader, startTelemetry } from "../../src/index.ts";
import { drain } from "../support/drain.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();

/** Runs of a thousand tokens in and out, each on a model of its own with the cost that it reports. */
async function notesOf(costsUsd: Record<string, number>): Promise<string[]> {
  const dbPath = `${tempDir()}/t.db`;
  const telemetry = startTelemetry({ dbPath, registerGlobals: false });
  const query = telemetry.instrumentQuery(async function* (_: object) {
    const used = { inputTokens: 1000, outputTokens: 1000 };
    const modelUsage = Object.fromEntries(
      Object.entries(costsUsd).map(([model, costUSD]) => [model, { ...used, costUSD }]),
    );
    yield { type: "result", subtype: "success", session_id: "s", modelUsage };
  });
  await drain(query({}));
  await telemetry.shutdown();
  using reader = openReader(dbPath);
  return costReport(reader, { by: ["model"] }).notes.map(({ text }) => text);
}

test("a cost within 5 % of the price list's needs no note, and one beyond is told with both", async () => {
  const listUsd = { sonnet: 0.018, haiku: 0.006 };
  expect(
    await notesOf({
      "claude-sonnet-4-5": listUsd.sonnet * 1.05,
      "claude-haiku-4-5": listUsd.haiku * 1.06,
    }),
  ).toEqual([
    "claude-haiku-4-5: reported cost $0.0064 and the price list's $0.0060 differ by 5.7 %.",
  ]);
});
