import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { SpanContext } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { SqliteSpanExporter } from "../../src/index.ts";
import { useTempDir } from "../support/temp-dir.ts";
import { killChildren, range, spansIn } from "./child.ts";

const tempDir = useTempDir();
afterEach(killChildren);
const logger = { warn: () => {}, error: () => {} };

/** Finished spans of the SDK itself, numbered. */
function finishedSpans(count: number): ReadableSpan[] {
  const memory = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
  const tracer = provider.getTracer("host");
  for (let n = 0; n < count; n += 1) {
    const span = tracer.startSpan("work", { attributes: { n } });
    span.addEvent("event", { a: 1 });
    span.end();
  }
  return memory.getFinishedSpans();
}

function exported(exporter: SqliteSpanExporter, spans: ReadableSpan[]): ExportResult[] {
  const results: ExportResult[] = [];
  exporter.export(spans, (result) => results.push(result));
  return results;
}

test("every value of each OTEL_BSP_* variable is survived, and the spans are written", () => {
  const script = `
    import { startTelemetry } from ${JSON.stringify(join(import.meta.dir, "../../src/index.ts"))};
    const names = ["MAX_EXPORT_BATCH_SIZE", "MAX_QUEUE_SIZE", "SCHEDULE_DELAY", "EXPORT_TIMEOUT"];
    const values = ["0", "-1", "1.5", "abc", " ", "Infinity", "1e9", "1"];
    const logger = { warn() {}, error() {} };
    const failed = [];
    for (const name of names) for (const value of values) {
      process.env["OTEL_BSP_" + name] = value;
      const telemetry = startTelemetry({ dbPath: ":memory:", logger, registerGlobals: false });
      for (let i = 0; i < 3; i += 1) {
        telemetry.tracer.startSpan("work").end();
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      await telemetry.shutdown();
      const { ended, committed } = telemetry.health();
      if (ended !== 3 || committed !== 3) failed.push([name, value, telemetry.health()]);
      delete process.env["OTEL_BSP_" + name];
    }
    console.log(JSON.stringify(failed));`;
  const child = Bun.spawnSync([process.execPath, "-e", script], { timeout: 60_000 });
  expect([child.exitCode, child.stdout.toString(), child.stderr.toString()]).toEqual([
    0,
    "[]\n",
    "",
  ]);
}, 70_000);

describe("a poison span costs its batch-mates nothing", () => {
  const poisons: [string, Partial<Record<keyof ReadableSpan, unknown>>][] = [
    [
      "a trace id that is none",
      { spanContext: (): SpanContext => ({ traceId: "x", spanId: "y", traceFlags: 1 }) },
    ],
    ["no attributes", { attributes: undefined }],
    ["attributes that are null", { attributes: null }],
    ["a name that is no text", { name: 7 }],
    ["a kind that is none", { kind: "client" }],
    ["no resource", { resource: undefined }],
    ["no scope", { instrumentationScope: null }],
    ["times that are none", { startTime: "now", endTime: null }],
    ["events that are none", { events: 3 }],
    ["a status that is none", { status: undefined }],
    ["a BigInt where a number belongs", { droppedEventsCount: 3n, kind: 1n }],
  ];
  for (const [what, change] of poisons) {
    test(what, async () => {
      const dbPath = join(tempDir(), "t.db");
      const exporter = new SqliteSpanExporter({ dbPath, logger });
      const spans = finishedSpans(20);
      const properties = Object.entries(change).map(([key, value]) => [key, { value }]);
      spans[7] = Object.create(spans[7] ?? null, Object.fromEntries(properties));
      expect(exported(exporter, spans)).toEqual([{ code: ExportResultCode.SUCCESS }]);
      await exporter.shutdown();
      const { ended, committed, queued, dropped } = exporter.health();
      const lost = Object.values(dropped).reduce((sum, n) => sum + n, 0);
      expect([ended, queued]).toEqual([20, 0]);
      expect(committed + lost).toBe(20);
      const { numbers, integrity } = spansIn(dbPath);
      expect(integrity).toBe("ok");
      expect(numbers.filter((n) => n >= 0 && n !== 7)).toEqual(range(20).filter((n) => n !== 7));
    });
  }
});

/** An object that throws at its `at`-th property access, counted over everything reached through it. */
function throwingAt<T extends object>(target: T, at: number, accesses: { count: number }): T {
  return new Proxy(target, {
    get(object, key) {
      accesses.count += 1;
      if (accesses.count === at) throw new Error(`access ${at}`);
      const value: unknown = Reflect.get(object, key, object);
      if (typeof value === "function") return value.bind(object);
      return typeof value === "object" && value !== null ? throwingAt(value, at, accesses) : value;
    },
  });
}

test("a span that throws at its n-th property access, for every n: export does not, and calls back once", async () => {
  const dbPath = join(tempDir(), "t.db");
  const exporter = new SqliteSpanExporter({ dbPath, logger });
  const [victim, mate] = finishedSpans(2);
  if (!victim || !mate) throw new Error("no spans");
  let rounds = 0;
  for (let at = 1; ; at += 1) {
    const accesses = { count: 0 };
    const results = exported(exporter, [throwingAt(victim, at, accesses), mate]);
    expect(results).toEqual([{ code: ExportResultCode.SUCCESS }]);
    rounds += 1;
    if (accesses.count < at) break; // It did not reach that far: every access has thrown once.
  }
  expect(rounds).toBeGreaterThan(20);
  await exporter.shutdown();
  const { ended, committed, queued, dropped } = exporter.health();
  expect([ended, queued]).toEqual([2 * rounds, 0]);
  expect(committed + (dropped["unreadable"] ?? 0)).toBe(2 * rounds);
  // What could be read of the victim is the same span each time; its mate is there for certain.
  expect(spansIn(dbPath).numbers).toEqual([0, 1]);
});

test("a callback and a logger that throw harm nobody", async () => {
  const broken = (): never => {
    throw new Error("broken");
  };
  const dbPath = join(tempDir(), "t.db");
  const exporter = new SqliteSpanExporter({ dbPath, logger: { warn: broken, error: broken } });
  exporter.export(finishedSpans(3), broken);
  await exporter.shutdown();
  expect(exporter.health()).toMatchObject({ ended: 3, committed: 3 });
});

test("exports in flight at once, after shutdown, and shutdowns at once are all answered", async () => {
  const dbPath = join(tempDir(), "t.db");
  const exporter = new SqliteSpanExporter({ dbPath, logger });
  const spans = finishedSpans(500);
  const results = range(5).flatMap((i) => exported(exporter, spans.slice(i * 100, i * 100 + 100)));
  expect(results).toEqual(range(5).map(() => ({ code: ExportResultCode.SUCCESS })));
  await Promise.all([
    exporter.forceFlush(),
    exporter.shutdown(),
    exporter.shutdown(),
    exporter.forceFlush(),
  ]);
  const [late] = exported(exporter, spans.slice(0, 10));
  expect(late?.code).toBe(ExportResultCode.FAILED);
  expect(late?.error).toBeInstanceOf(Error);
  expect(exporter.health()).toMatchObject({ ended: 510, committed: 500, dropped: { closed: 10 } });
  expect(spansIn(dbPath).numbers).toEqual(range(500));
});
