import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace-base";
import {
  QueueSpanProcessor,
  type QueueSpanProcessorOptions,
} from "../../src/exporter/queue-span-processor.ts";
import type { SpanRecord } from "../../src/exporter/span-record.ts";
import type { SpanWriter } from "../../src/exporter/span-writer.ts";
import { WriterSpanExporter } from "../../src/exporter/writer-span-exporter.ts";
import { sqliteSpanProcessor } from "../../src/sqlite.ts";
import { useTempDir } from "../support/temp-dir.ts";

const tempDir = useTempDir();
const processors: QueueSpanProcessor[] = [];
afterEach(async () => {
  for (const processor of processors.splice(0)) await processor.shutdown();
});

/** Takes everything at once, and remembers in which batches. */
class ListWriter implements SpanWriter {
  readonly batches: (readonly SpanRecord[])[] = [];
  readonly calls: string[] = [];
  readonly lost: Record<string, number> = {};

  accept(records: readonly SpanRecord[]): void {
    this.batches.push(records);
  }
  lose(reason: string, spans: number): void {
    this.lost[reason] = (this.lost[reason] ?? 0) + spans;
  }
  async flush(): Promise<void> {
    this.calls.push("flush");
  }
  async close(): Promise<void> {
    this.calls.push("close");
  }
  flushSync(): void {
    this.calls.push("flushSync");
  }
  closeSync(): void {
    this.calls.push("closeSync");
  }
  health() {
    const committed = this.batches.reduce((n, batch) => n + batch.length, 0);
    const dropped = { ...this.lost };
    const lost = Object.values(dropped).reduce((n, spans) => n + spans, 0);
    return {
      ended: committed + lost,
      committed,
      queued: 0,
      dropped,
      state: "ok" as const,
      lastError: null,
    };
  }
}

function setUp(changes: Partial<QueueSpanProcessorOptions> = {}) {
  const writer = new ListWriter();
  const processor = new QueueSpanProcessor(new WriterSpanExporter(writer, Date.now), {
    maxQueueSize: 100,
    maxExportBatchSize: 10,
    scheduledDelayMillis: 20,
    exportTimeoutMillis: 50,
    flushOnSignals: false,
    ...changes,
  });
  processors.push(processor);
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  const end = (count: number): void => {
    for (let i = 0; i < count; i += 1) provider.getTracer("t").startSpan(`span ${i}`).end();
  };
  return { writer, processor, end };
}

test("what a host gets is a BatchSpanProcessor", async () => {
  const logger = { warn: () => {}, error: () => {} };
  const processor = sqliteSpanProcessor({ dbPath: join(tempDir(), "t.db"), logger });
  expect(processor).toBeInstanceOf(BatchSpanProcessor);
  await processor.shutdown();
});

describe("ending a span", () => {
  test("never exports, however many end at once", async () => {
    const { writer, processor, end } = setUp();
    end(95);
    expect(writer.batches).toEqual([]);
    expect(processor.health()).toMatchObject({ ended: 95, queued: 95 });
    while (processor.health().queued > 0) await Bun.sleep(1);
    expect(writer.batches.map((batch) => batch.length)).toEqual([...Array(9).fill(10), 5]);
  });

  test("exports after the delay where few end", async () => {
    const { writer, processor, end } = setUp();
    end(3);
    while (processor.health().queued > 0) await Bun.sleep(1);
    expect(writer.batches.map((batch) => batch.length)).toEqual([3]);
  });

  test("beyond the bound costs the oldest, each of them counted", async () => {
    const { writer, processor, end } = setUp();
    end(1234);
    expect(processor.health()).toMatchObject({
      ended: 1234,
      queued: 100,
      dropped: { queue_full: 1134 },
    });
    await processor.forceFlush();
    const names = writer.batches.flat().map(({ shape }) => shape.name);
    expect(names).toEqual(Array.from({ length: 100 }, (_, i) => `span ${1134 + i}`));
  });

  test("that is not sampled does nothing", async () => {
    const { writer, processor } = setUp();
    const sampler = new AlwaysOffSampler();
    new BasicTracerProvider({ spanProcessors: [processor], sampler })
      .getTracer("t")
      .startSpan("x")
      .end();
    await processor.forceFlush();
    expect(writer.batches).toEqual([]);
  });

  test("after shutdown is counted as lost", async () => {
    const { writer, processor } = setUp();
    const provider = new BasicTracerProvider({ spanProcessors: [processor] });
    const span = provider.getTracer("t").startSpan("late");
    await processor.shutdown();
    span.end();
    expect(writer.lost).toEqual({ closed: 1 });
  });
});

describe("forceFlush", () => {
  test("hands over what is queued, and then waits for the writer", async () => {
    const { writer, processor, end } = setUp();
    end(25);
    await processor.forceFlush();
    expect(writer.batches.map((batch) => batch.length)).toEqual([10, 10, 5]);
    expect(writer.calls).toEqual(["flush"]);
  });

  test("many times at once exports each span once", async () => {
    const { writer, processor, end } = setUp();
    end(55);
    await Promise.all([processor.forceFlush(), processor.forceFlush(), processor.forceFlush()]);
    expect(writer.batches.flat()).toHaveLength(55);
  });
});

test("shutdown hands over, closes the file once, and leaves the process alone", async () => {
  const listeners = process.listenerCount("exit");
  const { writer, processor, end } = setUp();
  expect(process.listenerCount("exit")).toBe(listeners + 1);
  end(5);
  await Promise.all([processor.shutdown(), processor.shutdown(), processor.forceFlush()]);
  await processor.shutdown();
  expect(writer.batches.flat()).toHaveLength(5);
  expect(writer.calls).toEqual(["close"]);
  expect(process.listenerCount("exit")).toBe(listeners);
});

describe("a resource whose attributes are still being found out", () => {
  function endWith(processor: QueueSpanProcessor, attribute: Promise<string>): void {
    const resource = resourceFromAttributes({ "host.name": attribute });
    new BasicTracerProvider({ resource, spanProcessors: [processor] })
      .getTracer("t")
      .startSpan("x")
      .end();
  }

  test("is waited for", async () => {
    const { writer, processor } = setUp();
    endWith(
      processor,
      Bun.sleep(5).then(() => "vm"),
    );
    await processor.forceFlush();
    expect(writer.batches.flat()[0]?.shape.resource).toContain('"host.name":"vm"');
  });

  test("is not waited for longer than the export timeout", async () => {
    const { writer, processor } = setUp();
    endWith(processor, new Promise<string>(() => {}));
    await processor.forceFlush();
    expect(writer.batches.flat()).toHaveLength(1);
  });
});

test("a span that throws when it is read costs its batch-mates nothing", async () => {
  const { writer, processor, end } = setUp();
  end(2);
  const broken = { spanContext: () => ({ traceId: "a", spanId: "b", traceFlags: 1 }) };
  processor.onEnd(broken as unknown as ReadableSpan);
  end(2);
  await processor.forceFlush();
  expect(writer.batches.flat()).toHaveLength(4);
  expect(writer.lost).toEqual({ unreadable: 1 });
});

describe("a resource that throws costs the spans behind it nothing, nor the host", () => {
  const broken = (): never => {
    throw new Error("a host's own error");
  };
  const resources: [string, PropertyDescriptor][] = [
    ["when it is read", { get: broken }],
    [
      "when it is asked to wait",
      {
        value: {
          get asyncAttributesPending() {
            return broken();
          },
        },
      },
    ],
    [
      "while it is waited for",
      { value: { asyncAttributesPending: true, waitForAsyncAttributes: broken } },
    ],
  ];
  for (const [when, resource] of resources) {
    test(when, async () => {
      const { writer, processor, end } = setUp();
      const spanContext = () => ({ traceId: "a", spanId: "b", traceFlags: 1 });
      const span = Object.defineProperty({ spanContext }, "resource", resource);
      processor.onEnd(span as unknown as ReadableSpan);
      end(2);
      await Bun.sleep(5); // By then its timer has tried; a rejection would have ended the host.
      await processor.forceFlush();
      await processor.shutdown();
      expect(writer.batches.flat()).toHaveLength(2);
      expect(writer.lost).toEqual({ unreadable: 1 });
      expect(writer.calls).toContain("close");
    });
  }
});
