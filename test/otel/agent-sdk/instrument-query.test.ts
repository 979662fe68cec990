import { expect, test } from "bun:test";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { instrumentQuery } from "../../../src/otel/agent-sdk/instrument-query.ts";
import { recordSpans } from "../../support/recording-tracer.ts";
import { readTranscript, replayQuery, type SdkMessage } from "../../support/replay-query.ts";

/** Uncached input, output, cache reads, cache writes and nano-dollars of each result. */
type Account = [number, number, number, number, number];

const FIRST: Account = [12, 5, 0, 2048, 7_791_000];
const SECOND: Account = [25, 32, 2048, 2176, 9_329_400];
const TRUTH: [name: string, accounts: Account[]][] = [
  ["simple", [FIRST]],
  ["bash", [SECOND]],
  ["partial", [SECOND]],
  ["subagent", [[50, 61, 4096, 4352, 18_613_800]]],
  ["multiturn-streaming-input", [FIRST, SECOND]],
  ["resume-1", [FIRST]],
  ["resume-2", [SECOND]],
  ["maxturns", [[39, 42, 6144, 2304, 11_230_200]]],
  ["err529", [[0, 0, 0, 0, 0]]],
];

function accountOn(span: ReadableSpan): Account {
  const sum: Account = [0, 0, 0, 0, 0];
  for (const event of span.events.filter((e) => e.name === "spanledger.model_usage")) {
    const number = (name: string): number => Number(event.attributes?.[name] ?? 0);
    const read = number("gen_ai.usage.cache_read.input_tokens");
    const write = number("gen_ai.usage.cache_write.input_tokens");
    sum[0] += number("gen_ai.usage.input_tokens") - read - write;
    sum[1] += number("gen_ai.usage.output_tokens");
    sum[2] += read;
    sum[3] += write;
    sum[4] += Math.round(number("spanledger.cost.usd") * 1e9);
  }
  return sum;
}

async function drain(messages: AsyncIterable<SdkMessage>): Promise<unknown> {
  try {
    for await (const _ of messages);
    return undefined;
  } catch (error) {
    return error;
  }
}

for (const [name, accounts] of TRUTH) {
  for (const variant of ["as recorded", "without what was added since the last result"] as const) {
    test(`the ledger of ${name} ${variant} is exact to the nano-dollar`, async () => {
      const recording = recordSpans();
      const transcript = readTranscript(name);
      if (variant !== "as recorded") {
        // A resumed session's total can only be divided by what was seen before.
        if (name === "resume-2") return;
        for (const message of transcript.messages) delete message["model_usage_since_last_result"];
      }
      const query = instrumentQuery(recording.tracer, replayQuery(transcript));
      expect(await drain(query({ prompt: "go" }))).toBe(transcript.error);
      const runs = recording.spans().filter((s) => s.attributes["spanledger.execution"] === true);
      expect(runs.map(accountOn)).toEqual(accounts);
      expect(recording.spans().length).toBe(recording.started());
    });
  }
}
