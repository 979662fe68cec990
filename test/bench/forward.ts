/**
 * What OTLP costs beside the file and after it. `bun test/bench/forward.ts [SPANS]` prints JSON:
 * `replay`: stored spans a second, read, rebuilt, encoded and sent to a receiver on loopback that
 * throws them away. `live`: what a host pays for a span with each set of exporters, and the longest
 * that its event loop stood still.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { ReplayedSpanReader } from "../../src/exporter/replayed-span.ts";
import { forward, type OtlpProtocol } from "../../src/forward.ts";
import { startTelemetry, type Telemetry, type TelemetryOptions } from "../../src/index.ts";
import { Outbox } from "../../src/store/outbox.ts";

const spans = Number(process.argv[2] ?? 100_000);
const directory = mkdtempSync(join(tmpdir(), "spanledger-forward-"));
const dbPath = join(directory, "replay.db");

/** In a process of its own, so that what it costs is not counted. */
const RECEIVER = `const server = Bun.serve({ hostname: "127.0.0.1", port: 0, async fetch(request) {
  await request.bytes();
  return new Response(new Uint8Array());
} });
console.log(server.port);`;

const CHAT = {
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "anthropic",
  "gen_ai.request.model": "claude-sonnet-4-5",
  "gen_ai.response.model": "claude-sonnet-4-5-20250929",
  "gen_ai.response.finish_reasons": ["end_turn"],
  "gen_ai.usage.input_tokens": 1234,
  "gen_ai.usage.output_tokens": 567,
  "server.address": "api.anthropic.com",
  "server.port": 443,
};

function endSpans(telemetry: Telemetry, count: number): void {
  for (let n = 0; n < count; n++) {
    telemetry.tracer.startSpan("chat claude-sonnet-4-5", { attributes: CHAT }).end();
  }
}

const round = (value: number): number => Number(value.toPrecision(3));

async function fill(): Promise<void> {
  const telemetry = startTelemetry({ dbPath, registerGlobals: false });
  for (let done = 0; done < spans; done += 5000) {
    endSpans(telemetry, Math.min(5000, spans - done));
    await telemetry.flush();
  }
  await telemetry.shutdown();
}

/** Reading, rebuilding and encoding, without a network. */
function replayInMemory(protocol: OtlpProtocol): number {
  const outbox = new Outbox({ path: dbPath, url: "bench", busyTimeoutMs: 1000 });
  const serializer = protocol === "http/json" ? JsonTraceSerializer : ProtobufTraceSerializer;
  const reader = new ReplayedSpanReader();
  const beganMs = performance.now();
  let cursor = 0;
  for (;;) {
    const stored = outbox.read(cursor, 512, 1024 * 1024);
    cursor = stored.at(-1)?.id ?? 0;
    if (cursor === 0) break;
    serializer.serializeRequest(stored.map((record) => reader.span(record)));
  }
  outbox.close();
  return round((spans / (performance.now() - beganMs)) * 1000);
}

async function replay(protocol: OtlpProtocol, endpoint: string): Promise<object> {
  const beganMs = performance.now();
  const result = await forward({
    dbPath,
    endpoint,
    protocol,
    sinceMs: 0,
    follow: false,
    signal: new AbortController().signal,
    warn: console.error,
    onProgress: () => undefined,
  });
  if (result.accepted !== spans) throw new Error(`Only ${result.accepted} spans arrived`);
  const sentPerSecond = round((spans / (performance.now() - beganMs)) * 1000);
  return { protocol, spansPerSecond: sentPerSecond, encodedPerSecond: replayInMemory(protocol) };
}

const BURST = 50;
const PAUSE_MS = 5;

/** Bursts of spans with pauses between them, as a busy host has them. */
async function live(name: string, options: TelemetryOptions): Promise<object> {
  const path = join(directory, `${name}.db`);
  const telemetry = startTelemetry({ dbPath: path, registerGlobals: false, ...options });
  const count = Math.min(spans, 50_000);
  let endingMs = 0;
  let longestGapMs = 0;
  const before = process.cpuUsage();
  for (let done = 0; done < count; done += BURST) {
    const beganMs = performance.now();
    endSpans(telemetry, BURST);
    const endedMs = performance.now();
    endingMs += endedMs - beganMs;
    await Bun.sleep(PAUSE_MS);
    longestGapMs = Math.max(longestGapMs, performance.now() - endedMs - PAUSE_MS);
  }
  await telemetry.flush();
  const { user, system } = process.cpuUsage(before);
  await telemetry.shutdown();
  return {
    exporters: name,
    endMicrosPerSpan: round((endingMs * 1000) / count),
    cpuMicrosPerSpan: round((user + system) / count),
    longestGapMs: round(longestGapMs),
  };
}

const receiver = Bun.spawn([process.execPath, "-e", RECEIVER], { stdout: "pipe" });
try {
  const { value } = await receiver.stdout.getReader().read();
  const endpoint = `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`;
  process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint;
  await fill();
  const protocols = ["http/protobuf", "http/json"] as const;
  const replays: object[] = [];
  for (const protocol of protocols) replays.push(await replay(protocol, endpoint));
  await live("warm-up", { exporters: ["sqlite"] });
  const lives = [
    await live("none", { exporters: ["none"] }),
    await live("sqlite", { exporters: ["sqlite"] }),
    await live("sqlite,otlp", { exporters: ["sqlite", "otlp"] }),
    await live("sqlite with forward", { exporters: ["sqlite"], forward: {} }),
  ];
  console.log(JSON.stringify({ spans, replay: replays, live: lives }, null, 2));
} finally {
  receiver.kill();
  rmSync(directory, { recursive: true });
}
