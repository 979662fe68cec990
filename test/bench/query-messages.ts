/**
 * What instrumentQuery adds to each message of a long stream, and whether memory stays flat.
 * `--messages 2000000`: how many; one query, partial messages included, a turn's end every thousand.
 */
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { instrumentQuery } from "../../src/otel/agent-sdk/instrument-query.ts";
import { numberOption, report } from "./figures.ts";

const MIB = 2 ** 20;
const TURN_MESSAGES = 1000;
const messages = numberOption("messages", 2_000_000);

type Message = Record<string, unknown>;

const DELTA = { type: "content_block_delta", delta: { type: "text_delta", text: "word " } };
const streamed: Message = { type: "stream_event", event: DELTA, parent_tool_use_id: null };

function assistant(n: number): Message {
  return {
    type: "assistant",
    parent_tool_use_id: null,
    message: {
      id: `msg_${n}`,
      model: "claude-sonnet-4-5",
      content: [{ type: "tool_use", id: `toolu_${n}`, name: "Bash", input: {} }],
      usage: { input_tokens: 12, output_tokens: 90, cache_read_input_tokens: 2000 },
    },
  };
}

function user(n: number): Message {
  const block = { type: "tool_result", tool_use_id: `toolu_${n}`, content: "done" };
  return { type: "user", parent_tool_use_id: null, message: { content: [block] } };
}

function result(n: number): Message {
  const modelUsage = { "claude-sonnet-4-5": { outputTokens: n, costUSD: n / 1e6 } };
  return { type: "result", subtype: "success", uuid: `result_${n}`, session_id: "s", modelUsage };
}

async function* query(): AsyncGenerator<Message, void> {
  yield { type: "system", subtype: "init", session_id: "s", model: "claude-sonnet-4-5" };
  for (let n = 0; n < messages; n++) {
    const left = TURN_MESSAGES - (n % TURN_MESSAGES);
    if (left === 3) yield assistant(n);
    else if (left === 2) yield user(n - 1);
    else if (left === 1) yield result(n);
    else yield streamed;
  }
}

interface Run {
  cpuUs: number;
  heapGrowthBytes: number;
  rssGrowthBytes: number;
}

/** Memory grows from a tenth of the stream to its end: by then everything is warm. */
async function consume(stream: AsyncIterable<Message>): Promise<Run> {
  const heap = (): number => {
    Bun.gc(true);
    return process.memoryUsage().heapUsed;
  };
  const began = process.threadCpuUsage();
  let seen = 0;
  let heapBytes = 0;
  let rssBytes = 0;
  for await (const _ of stream) {
    seen += 1;
    if (seen !== Math.floor(messages / 10)) continue;
    heapBytes = heap();
    rssBytes = process.memoryUsage.rss();
  }
  const { user: userUs, system } = process.threadCpuUsage(began);
  return {
    cpuUs: (userUs + system) / seen,
    heapGrowthBytes: heap() - heapBytes,
    rssGrowthBytes: process.memoryUsage.rss() - rssBytes,
  };
}

const tracer = new BasicTracerProvider().getTracer("bench");
const bare = await consume(query());
const instrumented = await consume(instrumentQuery(tracer, query)());
report(`instrumentQuery over ${messages.toLocaleString("en")} messages`, [
  { name: "bare query", value: bare.cpuUs, unit: "µs of CPU a message" },
  { name: "instrumented", value: instrumented.cpuUs, unit: "µs of CPU a message" },
  { name: "added", value: instrumented.cpuUs - bare.cpuUs, unit: "µs of CPU a message" },
  { name: "heap growth, bare", value: bare.heapGrowthBytes / MIB, unit: "MiB" },
  { name: "heap growth, instrumented", value: instrumented.heapGrowthBytes / MIB, unit: "MiB" },
  { name: "RSS growth, bare", value: bare.rssGrowthBytes / MIB, unit: "MiB" },
  { name: "RSS growth, instrumented", value: instrumented.rssGrowthBytes / MIB, unit: "MiB" },
]);
