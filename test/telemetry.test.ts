import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import * as sdk3 from "sdk-trace-3";
import {
  type ExecutionResult,
  SqliteSpanExporter,
  sqliteSpanProcessor,
  startTelemetry,
  type Telemetry,
  type TelemetryOptions,
} from "../src/index.ts";
import { otlpSink } from "./support/otlp-sink.ts";
import { useTempDir } from "./support/temp-dir.ts";

const tempDir = useTempDir();
const RESULT: ExecutionResult = {
  conclusion: "success",
  costUsd: 0.0123,
  numTurns: 2,
  model: "claude-sonnet-4-5",
  inputTokens: 12,
  outputTokens: 34,
  cacheReadTokens: 56,
  cacheCreationTokens: 78,
  sessionId: "s-1",
  stopReason: "end_turn",
};

const lines: string[] = [];
const logger = {
  warn: (line: string) => void lines.push(`warn ${line}`),
  error: (line: string) => void lines.push(`error ${line}`),
};

let telemetry: Telemetry | undefined;

function start(options: TelemetryOptions = {}): Telemetry {
  telemetry = startTelemetry({ logger, registerGlobals: false, ...options });
  return telemetry;
}

afterEach(async () => {
  await telemetry?.shutdown();
  telemetry = undefined;
  lines.length = 0;
});

function rows<T>(path: string, sql: string): T[] {
  const db = new Database(path, { readonly: true });
  try {
    return db.query(sql).all() as T[];
  } finally {
    db.close(true);
  }
}

const reviewer = { execute: async (_: { pr: number }): Promise<ExecutionResult> => RESULT };

test("an execution becomes a row with everything its executor returned", async () => {
  const dbPath = join(tempDir(), "deep", "er", "t.db");
  const t = start({ dbPath });
  const instrumented = t.instrumentExecutor(reviewer, {
    describe: ({ pr }) => ({
      name: "reviewer",
      deliveryId: "d-1",
      repo: "acme/api",
      prNumber: pr,
      eventType: "review",
      attributes: { team: "blue" },
    }),
  });
  expect(await instrumented.execute({ pr: 7 })).toBe(RESULT);
  await t.flush();
  const [row] = rows<Record<string, unknown>>(dbPath, "SELECT * FROM executions");
  expect(row).toMatchObject({
    delivery_id: "d-1",
    repo: "acme/api",
    pr_number: 7,
    event_type: "review",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    input_tokens: 12,
    output_tokens: 34,
    cache_read_tokens: 56,
    cache_creation_tokens: 78,
    cost_usd: 0.0123,
    cost_nano_usd: 12_300_000,
    cost_source: "reported",
    conclusion: "success",
    session_id: "s-1",
    num_turns: 2,
    stop_reason: "end_turn",
    agent_name: "reviewer",
    error_type: null,
    usage_quality: "exact",
    attributes: '{"team":"blue"}',
  });
  expect(row?.["created_at"]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  expect(t.health()).toMatchObject({ ended: 1, committed: 1, queued: 0, dropped: {}, state: "ok" });
});

test("a throwing executor rethrows the identical error, and its row says what kind", async () => {
  const dbPath = join(tempDir(), "t.db");
  const t = start({ dbPath });
  const error = new RangeError("too far");
  const failing = t.instrumentExecutor({
    execute: async (_: { model: string }): Promise<ExecutionResult> => {
      throw error;
    },
  });
  expect(await failing.execute({ model: "claude-opus-4-5" }).catch((e: unknown) => e)).toBe(error);
  await t.flush();
  expect(
    rows(dbPath, "SELECT conclusion, error_type, model, cost_usd, input_tokens FROM executions"),
  ).toEqual([
    {
      conclusion: "error",
      error_type: "RangeError",
      model: "claude-opus-4-5",
      cost_usd: null,
      input_tokens: null,
    },
  ]);
});

describe("trouble with the file leaves the result untouched, and clear lines in the log", () => {
  async function run(options: TelemetryOptions): Promise<void> {
    const t = start(options);
    const executor = t.instrumentExecutor(reviewer);
    for (let pr = 0; pr < 3; pr += 1) expect(await executor.execute({ pr })).toBe(RESULT);
    await t.shutdown();
    expect(t.health()).toMatchObject({ ended: 3, committed: 0, queued: 0, state: "closed" });
  }

  test("a directory at the path", async () => {
    const dbPath = join(tempDir(), "t.db");
    mkdirSync(dbPath);
    await run({ dbPath });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain(`error ${dbPath} is a directory; give the path of a file.`);
    expect(lines[1]).toBe("error 3 spans were not written and are lost (cannot_open).");
  });

  test("a file where a directory should be", async () => {
    const directory = tempDir();
    writeFileSync(join(directory, "file"), "x");
    await run({ dbPath: join(directory, "file", "t.db") });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain("error Cannot open");
    expect(lines[1]).toBe("error 3 spans were not written and are lost (cannot_open).");
  });

  test("another program's database, which stays as it was", async () => {
    const dbPath = join(tempDir(), "t.db");
    const db = new Database(dbPath);
    db.run("CREATE TABLE notes (x)");
    db.close(true);
    await run({ dbPath });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain("belongs to another program");
    expect(lines[1]).toBe("error 3 spans were not written and are lost (foreign).");
    expect(existsSync(`${dbPath}-wal`)).toBe(false);
  });

  test("a locked file: held, and written once the lock is gone", async () => {
    const dbPath = join(tempDir(), "t.db");
    const t = start({ dbPath });
    const executor = t.instrumentExecutor(reviewer);
    await executor.execute({ pr: 1 });
    await t.flush();
    const locker = new Database(dbPath);
    locker.run("PRAGMA busy_timeout = 5000"); // Maintenance may be at work.
    locker.run("BEGIN EXCLUSIVE");
    expect(await executor.execute({ pr: 2 })).toBe(RESULT);
    const flushed = t.flush();
    while (t.health().state === "ok") await Bun.sleep(5);
    expect(t.health()).toMatchObject({ ended: 2, committed: 1, queued: 1, state: "degraded" });
    locker.run("ROLLBACK");
    locker.close(true);
    await flushed;
    expect(t.health()).toMatchObject({ ended: 2, committed: 2, queued: 0, state: "ok" });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain("another process holds the write lock");
    expect(lines[1]).toBe("warn Spans are written again.");
  });

  test("and a logger that throws", async () => {
    const dbPath = join(tempDir(), "t.db");
    mkdirSync(dbPath);
    const broken = (): never => {
      throw new Error("no log");
    };
    await run({ dbPath, logger: { warn: broken, error: broken } });
  });
});

test("a user's own price beats the bundled one, and a run's reported cost beats both", async () => {
  const directory = tempDir();
  const pricesPath = join(directory, "prices.json");
  const models = { "claude-sonnet-4-5": { inputUsdPerMtok: 1000, outputUsdPerMtok: 0 } };
  writeFileSync(pricesPath, JSON.stringify({ models }));
  const dbPath = join(directory, "t.db");
  const t = start({ dbPath, pricesPath });
  const { costUsd: _, ...unpriced } = RESULT;
  const results = [RESULT, unpriced];
  const executor = t.instrumentExecutor({ execute: async (i: number) => results[i] ?? RESULT });
  await executor.execute(0);
  await executor.execute(1);
  await t.flush();
  const sql = "SELECT cost_usd, cost_source FROM executions ORDER BY id";
  expect(rows(dbPath, sql)).toEqual([
    { cost_usd: 0.0123, cost_source: "reported" },
    { cost_usd: 0.146, cost_source: "estimated" },
  ]);
});

describe("the exporter in other people's SDKs", () => {
  test("behind the stock BatchSpanProcessor of sdk-trace-base 2", async () => {
    const dbPath = join(tempDir(), "t.db");
    const exporter = new SqliteSpanExporter({ dbPath, logger });
    const provider = new BasicTracerProvider({
      spanProcessors: [new BatchSpanProcessor(exporter)],
    });
    provider.getTracer("host").startSpan("two").end();
    await provider.shutdown();
    expect(rows(dbPath, "SELECT name, scope_name FROM spans")).toEqual([
      { name: "two", scope_name: "host" },
    ]);
  });

  test("behind the stock BatchSpanProcessor of sdk-trace 3", async () => {
    const dbPath = join(tempDir(), "t.db");
    const exporter = new SqliteSpanExporter({ dbPath, logger });
    const processor = new sdk3.BatchSpanProcessor({ exporter });
    const provider = new sdk3.TracerProvider({ spanProcessors: [processor] });
    const span = provider.getTracer("host").startSpan("three", { attributes: { a: [1, 2] } });
    span.addEvent("e");
    span.end();
    await provider.shutdown();
    expect(rows(dbPath, "SELECT name, attributes FROM spans")).toEqual([
      { name: "three", attributes: '{"a":[1,2]}' },
    ]);
  });

  test("as a ready processor inside a provider that already stands as global", async () => {
    const dbPath = join(tempDir(), "t.db");
    const provider = new BasicTracerProvider({
      spanProcessors: [sqliteSpanProcessor({ dbPath, logger })],
    });
    trace.setGlobalTracerProvider(provider);
    try {
      trace.getTracer("host").startSpan("global").end();
      await provider.shutdown();
    } finally {
      trace.disable();
    }
    expect(rows(dbPath, "SELECT name FROM spans")).toEqual([{ name: "global" }]);
  });
});

describe("globals", () => {
  test("are registered where nobody has, and given back at shutdown", async () => {
    const t = start({ dbPath: join(tempDir(), "t.db"), registerGlobals: true });
    const seen = await t.traceExecution({ name: "a" }, async (span) => {
      await Bun.sleep(1);
      const carrier: Record<string, string> = {};
      propagation.inject(context.active(), carrier);
      return [trace.getActiveSpan() === span, carrier["traceparent"]?.split("-")[2]];
    });
    expect(seen[0]).toBe(true);
    expect(seen[1]).toMatch(/^[0-9a-f]{16}$/);
    await t.shutdown();
    expect(propagation.fields()).toEqual([]);
    expect(trace.getTracer("x").startSpan("y").isRecording()).toBe(false);
  });

  test("of the host stay in place", async () => {
    const manager = new AsyncLocalStorageContextManager().enable();
    context.setGlobalContextManager(manager);
    const dbPath = join(tempDir(), "host.db");
    const provider = new BasicTracerProvider({
      spanProcessors: [sqliteSpanProcessor({ dbPath, logger })],
    });
    trace.setGlobalTracerProvider(provider);
    try {
      const t = start({ dbPath: join(tempDir(), "t.db"), registerGlobals: true });
      trace.getTracer("host").startSpan("of the host").end();
      await t.shutdown();
      expect(
        context.with(context.active().setValue(Symbol.for("k"), 1), () =>
          context.active().getValue(Symbol.for("k")),
        ),
      ).toBe(1);
      await provider.shutdown();
      expect(rows(dbPath, "SELECT name FROM spans")).toEqual([{ name: "of the host" }]);
      expect(lines).toEqual([]);
    } finally {
      trace.disable();
      context.disable();
      propagation.disable();
    }
  });
});

describe("the otlp exporter, without one changed line in the host", () => {
  const variables = [
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
  ];
  afterEach(() => {
    for (const name of variables) delete process.env[name];
  });

  async function host(options: TelemetryOptions): Promise<void> {
    const t = start(options);
    await t
      .instrumentExecutor(reviewer, { describe: () => ({ name: "reviewer" }) })
      .execute({ pr: 1 });
    await t.shutdown();
  }

  test("by option", async () => {
    using sink = otlpSink();
    process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.url;
    process.env["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/json";
    const dbPath = join(tempDir(), "t.db");
    await host({ dbPath, exporters: ["otlp"] });
    expect(sink.spans.map((span) => span.name)).toEqual(["invoke_agent reviewer"]);
    expect(existsSync(dbPath)).toBe(false);
  });

  test("by environment, beside SQLite, with the same ids on both sides", async () => {
    using sink = otlpSink();
    process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.url;
    process.env["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/json";
    process.env["OTEL_TRACES_EXPORTER"] = "sqlite,otlp";
    const dbPath = join(tempDir(), "t.db");
    await host({ dbPath });
    expect(
      rows<object>(dbPath, "SELECT name, trace_id AS traceId, span_id AS spanId FROM spans"),
    ).toEqual(sink.spans.map(({ name, traceId, spanId }) => ({ name, traceId, spanId })));
    expect(sink.spans).toHaveLength(1);
  });

  test("in protobuf by default", async () => {
    using sink = otlpSink();
    process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.url;
    await host({ exporters: ["otlp"] });
    expect(sink.contentTypes).toEqual(["application/x-protobuf"]);
  });
});

test("exporters: none, and a disabled SDK, write nothing and trace nothing, and the host runs on", async () => {
  const dbPath = join(tempDir(), "t.db");
  const t = start({ dbPath, exporters: ["none"] });
  expect(await t.instrumentExecutor(reviewer).execute({ pr: 1 })).toBe(RESULT);
  await t.shutdown();
  expect(existsSync(dbPath)).toBe(false);
});

test("flush and shutdown may be called again and in any order", async () => {
  const t = start({ dbPath: join(tempDir(), "t.db") });
  await Promise.all([t.flush(), t.shutdown(), t.shutdown(), t.flush()]);
  expect(t.health().state).toBe("closed");
});
