/**
 * What a span costs the host's thread, from `startSpan` to the end of its hand-over, beside other ways
 * to the disk or the wire. CPU time of that thread alone: a Worker's and a server's do not count.
 * `--spans 50000`: how many in each round. `--pace 15`: a batch every so many ms; 0: as fast as it goes.
 * Each way runs in a process of its own, five times in turn.
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Attributes, SpanKind, type Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { sqliteSpanProcessor } from "../../src/index.ts";
import { type Figure, median, numberOption, report, threadCpuUs } from "./figures.ts";

const BATCH_SPANS = 512;
const ROUNDS = 5;
/** 34,000 spans a second. */
const PACE_MS = 15;
const WARM_UP_SPANS = 30 * BATCH_SPANS;
const BATCH = { maxQueueSize: 16_384, maxExportBatchSize: BATCH_SPANS };

function attributes(n: number): Attributes {
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-4-5",
    "gen_ai.response.id": `msg_${n}`,
    "gen_ai.conversation.id": "67f940c6-7420-4c13-9dae-23c7f7eb5103",
    "gen_ai.usage.input_tokens": n % 30_000,
    "gen_ai.usage.output_tokens": n % 700,
    "gen_ai.usage.cache_read.input_tokens": n % 20_000,
    "gen_ai.response.finish_reasons": ["end_turn"],
  };
}

/** Into a plain table within `onEnd`; a transaction takes `perTransaction` spans. */
class InsertingProcessor implements SpanProcessor {
  readonly #db: Database;
  readonly #insert: (span: ReadableSpan) => void;
  readonly #perTransaction: number;
  #open = 0;

  constructor(path: string, perTransaction: number) {
    const db = new Database(path);
    this.#db = db;
    this.#perTransaction = perTransaction;
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = NORMAL");
    db.run("CREATE TABLE spans (trace_id, span_id, parent, name, kind, start_ns, ns, attributes)");
    const insert = db.prepare("INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#insert = (span) => {
      const { traceId, spanId } = span.spanContext();
      insert.run(
        traceId,
        spanId,
        span.parentSpanContext?.spanId ?? null,
        span.name,
        span.kind,
        span.startTime[0] * 1e9 + span.startTime[1],
        span.duration[0] * 1e9 + span.duration[1],
        JSON.stringify(span.attributes),
      );
    };
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#open === 0 && this.#perTransaction > 1) this.#db.run("BEGIN IMMEDIATE");
    this.#insert(span);
    this.#open += 1;
    if (this.#open < this.#perTransaction) return;
    if (this.#perTransaction > 1) this.#db.run("COMMIT");
    this.#open = 0;
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {
    this.#db.close(true);
  }
}

const noOp: SpanExporter = {
  export: (_, done) => done({ code: 0 }),
  shutdown: async () => undefined,
};

type Way = (place: { directory: string; url: string }) => SpanProcessor;

const WAYS: Record<string, Way> = {
  "no-op exporter": () => new BatchSpanProcessor(noOp, BATCH),
  spanledger: ({ directory }) => sqliteSpanProcessor({ dbPath: join(directory, "ledger.db") }),
  "OTLP/proto to loopback": ({ url }) =>
    new BatchSpanProcessor(new ProtoExporter({ url: `${url}/v1/traces` }), BATCH),
  "OTLP/JSON to loopback": ({ url }) =>
    new BatchSpanProcessor(new JsonExporter({ url: `${url}/v1/traces` }), BATCH),
  "row by row, 512 a transaction": ({ directory }) =>
    new InsertingProcessor(join(directory, "rows.db"), BATCH_SPANS),
  "a transaction per span": ({ directory }) => new InsertingProcessor(join(directory, "own.db"), 1),
};

interface Cost {
  cpuUs: number;
  /** Within `startSpan`, `setAttributes` and `end`. */
  spanUs: number;
}

/**
 * A batch every `paceMs`, whichever way it goes: a host is idle at times, and that is when the runtime
 * collects what spans leave behind. Without a pace only a way that waits for its answer is ever idle.
 */
async function measure(
  tracer: Tracer,
  processor: SpanProcessor,
  spans: number,
  paceMs: number,
): Promise<Cost> {
  const beganUs = threadCpuUs();
  let spanMs = 0;
  for (let n = 0; n < spans; ) {
    const sinceMs = performance.now();
    for (const end = n + BATCH_SPANS; n < end; n++) {
      const span = tracer.startSpan("chat claude-sonnet-4-5", { kind: SpanKind.CLIENT });
      span.setAttributes(attributes(n));
      span.end();
    }
    spanMs += performance.now() - sinceMs;
    await processor.forceFlush(); // Waits without CPU; what it exports is the host's.
    await Bun.sleep(Math.max(1, paceMs - (performance.now() - sinceMs)));
  }
  return { cpuUs: (threadCpuUs() - beganUs) / spans, spanUs: (spanMs * 1000) / spans };
}

async function measureWay(name: string, url: string, spans: number, paceMs: number): Promise<Cost> {
  const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
  try {
    const processor = WAYS[name]?.({ directory, url });
    if (!processor) throw new TypeError(`There is no way "${name}".`);
    const provider = new BasicTracerProvider({ spanProcessors: [processor] });
    const tracer = provider.getTracer("bench");
    await measure(tracer, processor, WARM_UP_SPANS, paceMs);
    const cost = await measure(tracer, processor, spans, paceMs);
    await provider.shutdown();
    return cost;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function measureApart(name: string, url: string, spans: number): Promise<Cost> {
  const command = [process.execPath, import.meta.filename, "--way", name, "--url", url];
  const options = ["--spans", String(spans), "--pace", String(pace)];
  const child = Bun.spawn([...command, ...options], { stderr: "inherit" });
  return JSON.parse(await new Response(child.stdout).text());
}

async function compare(spans: number): Promise<void> {
  const sink = Bun.spawn([process.execPath, join(import.meta.dirname, "sink-process.ts")]);
  const { value } = await sink.stdout.getReader().read();
  const url = new TextDecoder().decode(value).trim();
  const costs = new Map<string, Cost[]>(Object.keys(WAYS).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, list] of costs) {
      const count = name === "a transaction per span" ? Math.ceil(spans / 10) : spans;
      list.push(await measureApart(name, url, count));
    }
  }
  sink.kill();
  const cpuOf = (name: string) => median((costs.get(name) ?? []).map((cost) => cost.cpuUs));
  const ours = cpuOf("spanledger");
  const figures: Figure[] = [...costs.keys()].map((name) => ({
    name,
    value: cpuOf(name),
    unit: "µs of CPU a span",
  }));
  for (const [name, list] of costs) {
    const value = median(list.map((cost) => cost.spanUs));
    figures.push({ name: `${name}, in startSpan … end`, value, unit: "µs a span" });
  }
  const beside = (name: string) => ours / cpuOf(name);
  figures.push(
    {
      name: "spanledger beside OTLP/proto",
      value: beside("OTLP/proto to loopback"),
      unit: "×",
      goal: { atMost: 0.5 },
    },
    {
      name: "spanledger beside no-op",
      value: beside("no-op exporter"),
      unit: "×",
      goal: { atMost: 2 },
    },
  );
  report("Cost of a span to the host", figures);
}

function textOption(name: string): string | undefined {
  const index = process.argv.indexOf(`--${name}`);
  return index < 0 ? undefined : process.argv[index + 1];
}

const spans = numberOption("spans", 50_000);
const pace = numberOption("pace", PACE_MS, "from 0 on");
const way = textOption("way");
if (way === undefined) await compare(spans);
else console.log(JSON.stringify(await measureWay(way, textOption("url") ?? "", spans, pace)));
