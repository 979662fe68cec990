/**
 * What OTLP costs after the file and beside it. Stored spans a second: read, rebuilt, encoded and sent
 * to a receiver on loopback that throws them away. And CPU time of the host's thread for a span, from
 * `startSpan` to the end of its hand-over, with each set of exporters.
 * `--spans 100000`: how many in each round. Each way runs in a process of its own, three times in turn.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { ReplayedSpanReader } from "../../src/exporter/replayed-span.ts";
import { forward, type OtlpProtocol } from "../../src/forward.ts";
import { startTelemetry, type Telemetry, type TelemetryOptions } from "../../src/index.ts";
import { Outbox } from "../../src/store/outbox.ts";
import { type Figure, median, numberOption, report } from "./figures.ts";

const ROUNDS = 3;
const FLUSH_SPANS = 5000;
const BURST_SPANS = 50;
const PAUSE_MS = 5;

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

async function fill(dbPath: string, spans: number): Promise<void> {
  const telemetry = startTelemetry({ dbPath, exporters: ["sqlite"] });
  for (let left = spans; left > 0; left -= FLUSH_SPANS) {
    endSpans(telemetry, Math.min(FLUSH_SPANS, left));
    await telemetry.flush();
  }
  await telemetry.shutdown();
}

/** Milliseconds to read, rebuild and encode all of the file, without a network. */
function encodeAll(dbPath: string, protocol: OtlpProtocol): number {
  const outbox = new Outbox({ path: dbPath, url: "bench", busyTimeoutMs: 1000 });
  const serializer = protocol === "http/json" ? JsonTraceSerializer : ProtobufTraceSerializer;
  const reader = new ReplayedSpanReader();
  const beganMs = performance.now();
  for (let cursor = 0; ; ) {
    const stored = outbox.read(cursor, 512, 1024 * 1024);
    const last = stored.at(-1);
    if (!last) break;
    serializer.serializeRequest(stored.map((record) => reader.span(record)));
    cursor = last.id;
  }
  outbox.close();
  return performance.now() - beganMs;
}

async function sendAll(dbPath: string, protocol: OtlpProtocol, endpoint: string): Promise<number> {
  const beganMs = performance.now();
  await forward({
    dbPath,
    endpoint,
    protocol,
    sinceMs: 0,
    follow: false,
    signal: new AbortController().signal,
    warn: console.error,
    onProgress: () => undefined,
  });
  return performance.now() - beganMs;
}

const WAYS: Readonly<Record<string, TelemetryOptions>> = {
  "the file": { exporters: ["sqlite"] },
  "the file, forwarded": { exporters: ["sqlite"], forward: {} },
  "the file and OTLP": { exporters: ["sqlite", "otlp"] },
  OTLP: { exporters: ["otlp"] },
};

/** Bursts with pauses, as a busy host has them. @returns microseconds of this thread's CPU a span. */
async function hostCost(options: TelemetryOptions, dbPath: string, spans: number): Promise<number> {
  const telemetry = startTelemetry({ dbPath, ...options });
  const emit = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += BURST_SPANS) {
      endSpans(telemetry, BURST_SPANS);
      await Bun.sleep(PAUSE_MS);
    }
    await telemetry.flush();
  };
  await emit(spans / 10); // Loaded, compiled and connected.
  const before = process.threadCpuUsage();
  await emit(spans);
  const { user, system } = process.threadCpuUsage(before);
  await telemetry.shutdown();
  return (user + system) / spans;
}

async function replayFigures(dbPath: string, spans: number, endpoint: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const protocol of ["http/protobuf", "http/json"] as const) {
    const sentMs: number[] = [];
    const encodedMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      sentMs.push(await sendAll(dbPath, protocol, endpoint));
      encodedMs.push(encodeAll(dbPath, protocol));
    }
    const perSecond = (ms: readonly number[]): number => (spans / median(ms)) * 1000;
    figures.push(
      { name: `sent over ${protocol}`, value: perSecond(sentMs), unit: "spans/s" },
      { name: `encoded for ${protocol}`, value: perSecond(encodedMs), unit: "spans/s" },
    );
  }
  return figures;
}

async function hostFigures(spans: number, endpoint: string): Promise<Figure[]> {
  const env = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
  const costs = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of Object.keys(WAYS)) {
      const args = ["--way", way, "--spans", String(spans)];
      const child = Bun.spawn([process.execPath, import.meta.filename, ...args], {
        env,
        stderr: "inherit",
      });
      const cost = Number(await new Response(child.stdout).text());
      costs.set(way, [...(costs.get(way) ?? []), cost]);
    }
  }
  return [...costs].map(([way, values]) => ({
    name: `host's thread, to ${way}`,
    value: median(values),
    unit: "µs/span",
  }));
}

async function compare(spans: number, directory: string): Promise<void> {
  const sink = Bun.spawn([process.execPath, join(import.meta.dirname, "sink-process.ts")]);
  try {
    const { value } = await sink.stdout.getReader().read();
    const endpoint = new TextDecoder().decode(value).trim();
    const dbPath = join(directory, "replay.db");
    await fill(dbPath, spans);
    const replay = await replayFigures(dbPath, spans, endpoint);
    const hosts = await hostFigures(spans / 5, endpoint);
    report(`OTLP, ${spans} spans`, [...replay, ...hosts]);
  } finally {
    sink.kill();
  }
}

const spans = numberOption("spans", 100_000);
const way = WAYS[process.argv[process.argv.indexOf("--way") + 1] ?? ""];
const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
try {
  if (way) console.log(await hostCost(way, join(directory, "host.db"), spans));
  else await compare(spans, directory);
} finally {
  rmSync(directory, { recursive: true });
}
