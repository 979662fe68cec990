/** A script that asks an agent one thing, and says what it cost. */
import { query } from "@anthropic-ai/claude-agent-sdk";
import { costReport, openReader, startTelemetry } from "spanledger";

const dbPath = process.env["TELEMETRY_DB_PATH"] ?? "./data/telemetry.db";
const telemetry = startTelemetry({ serviceName: "plain-script", dbPath });
const tracedQuery = telemetry.instrumentQuery(query);

for await (const message of tracedQuery({ prompt: "List the open questions in this folder." })) {
  console.log(message["type"]);
}
await telemetry.shutdown();

using reader = openReader(dbPath);
const { total } = costReport(reader);
console.log(`${total.runs} runs so far, $${total.costUsd}`);
