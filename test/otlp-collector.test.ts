/** What a real collector hands on: live and replayed spans are the same. Needs OTELCOL, the path of its binary. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  createTraceState,
  type Link,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import fc from "fast-check";
import type { ForwardClock, ForwardProgress } from "../src/exporter/forward/forwarder.ts";
import { Forwarding } from "../src/exporter/forward/forwarding.ts";
import { otlpExporter } from "../src/exporter/otlp.ts";
import { forward, type OtlpProtocol } from "../src/forward.ts";
import { SqliteSpanExporter, startTelemetry, type Telemetry } from "../src/index.ts";
import { arbitrarySpans } from "./support/arbitrary-spans.ts";
import {
  type Collector,
  freePorts,
  type Sink,
  startCollector,
  startSink,
} from "./support/otel-collector.ts";
import { hexId } from "./support/span-rows.ts";
import { useTempDir } from "./support/temp-dir.ts";

const binary = process.env["OTELCOL"];
const tempDir = useTempDir();
const variables: Record<string, string> = {};

afterEach(() => {
  for (const name of Object.keys(variables)) {
    delete process.env[name];
    delete variables[name];
  }
});

function setVariable(name: string, value: string): void {
  variables[name] = value;
  process.env[name] = value;
}

const linked = (seed: string, isRemote: boolean): Link => ({
  context: {
    traceId: hexId(`trace ${seed}`, 32),
    spanId: hexId(`span ${seed}`, 16),
    traceFlags: TraceFlags.NONE,
    traceState: createTraceState("link=1"),
    isRemote,
  },
  attributes: { why: seed },
});

/** One span of every kind, and a run of an agent. @returns how many spans. */
async function emit(telemetry: Telemetry, protocol: OtlpProtocol): Promise<number> {
  const parent = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: hexId("remote trace", 32),
    spanId: hexId("remote span", 16),
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
    traceState: createTraceState("vendor=a:b,other=c"),
  });
  const kinds = [
    SpanKind.INTERNAL,
    SpanKind.SERVER,
    SpanKind.CLIENT,
    SpanKind.PRODUCER,
    SpanKind.CONSUMER,
  ];
  for (const kind of kinds) {
    const links = [linked("first", true), linked("second", false)];
    const span = telemetry.tracer.startSpan(`kind ${kind}`, { kind, links }, parent);
    span.setAttributes({
      text: "näive ✓ 漢字 \u{1F600}",
      empty: "",
      integer: 42,
      large: Number.MAX_SAFE_INTEGER,
      power: 2 ** 60,
      negative: -7,
      double: 0.1,
      tiny: 5e-324,
      yes: true,
      texts: ["a", "", "c"],
      numbers: [1, 2.5, -3],
      flags: [true, false],
      none: [],
      holes: ["a", null, "c"],
    });
    // OTLP/JSON, as the official exporter writes it, has no way to say these.
    if (protocol !== "http/json") {
      span.setAttributes({ nan: Number.NaN, infinities: [Infinity, -Infinity] });
    }
    span.addEvent("event", { at: 1, of: ["x"] }, [1_790_000_000, 123_456_789]);
    span.recordException(new TypeError("it broke"));
    span.setStatus({ code: SpanStatusCode.ERROR, message: "broken" });
    span.end();
  }
  const crowded = telemetry.tracer.startSpan("crowded");
  for (let n = 0; n < 140; n++) crowded.setAttribute(`k${n}`, n);
  for (let n = 0; n < 140; n++) crowded.addEvent(`e${n}`, {}, [1_790_000_000, n]);
  crowded.setStatus({ code: SpanStatusCode.OK });
  crowded.end();
  await telemetry.traceExecution({ name: "reviewer", repo: "acme/api", prNumber: 7 }, async () => {
    telemetry.tracer.startSpan("chat claude-sonnet-4-5").end();
  });
  return kinds.length + 3;
}

async function replay(dbPath: string): Promise<void> {
  const result = await forward({
    dbPath,
    sinceMs: null,
    follow: false,
    signal: new AbortController().signal,
    warn: () => undefined,
    onProgress: () => undefined,
  });
  expect(result).toMatchObject({ end: "done", refused: 0, pending: 0 });
}

function exported(exporter: SpanExporter, spans: ReadableSpan[]): Promise<void> {
  return new Promise((resolve, reject) =>
    exporter.export(spans, ({ error }) => (error ? reject(error) : resolve())),
  );
}

describe.skipIf(!binary)(
  binary ? "a real collector" : "a real collector (skipped: OTELCOL does not name one)",
  () => {
    let sink: Sink;
    let collector: Collector;
    beforeAll(async () => {
      sink = startSink();
      collector = await startCollector(binary ?? "", sink);
    });
    afterAll(async () => {
      await collector.kill();
      await sink.close();
    });

    for (const protocol of ["http/protobuf", "http/json", "grpc"] as const) {
      test(`hands on the same, live and replayed, over ${protocol}`, async () => {
        const endpoint = protocol === "grpc" ? collector.grpcUrl : collector.httpUrl;
        setVariable("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
        setVariable("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        setVariable("OTEL_TRACES_EXPORTER", "sqlite,otlp");
        setVariable("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,team=bl%C3%A5");
        const dbPath = join(tempDir(), "telemetry.db");
        const telemetry = startTelemetry({ dbPath, serviceName: "bot", registerGlobals: false });
        const count = await emit(telemetry, protocol);
        await telemetry.shutdown();
        const live = await sink.take(count);
        expect(live.size).toBe(count);

        await replay(dbPath);
        const replayed = await sink.take(count);
        expect(new Map([...replayed].sort())).toEqual(new Map([...live].sort()));
      });
    }

    // JSON is left out: what the official serializer makes of a NaN or of 1e300, the collector refuses.
    for (const protocol of ["http/protobuf", "grpc"] as const) {
      test(`hands on the same whatever a span carries, over ${protocol}`, async () => {
        const endpoint = protocol === "grpc" ? collector.grpcUrl : collector.httpUrl;
        setVariable("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
        setVariable("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        const dbPath = join(tempDir(), "telemetry.db");
        const [live, stored] = [
          otlpExporter(protocol),
          new SqliteSpanExporter({ dbPath, retentionDays: 36_500 }),
        ];
        const batches = fc.sample(arbitrarySpans, 100);
        for (const spans of batches) await exported(live, spans);
        for (const spans of batches) await exported(stored, spans);
        await Promise.all([live.shutdown(), stored.shutdown()]);
        const { size } = new Set(batches.flat().map((span) => span.spanContext().spanId));
        const fromLive = await sink.take(size);
        await replay(dbPath);
        const replayed = await sink.take(size);
        expect(new Map([...replayed].sort())).toEqual(new Map([...fromLive].sort()));
      });
    }

    test.each(["http/protobuf", "http/json", "grpc"] as const)(
      "that is down for 1,000 runs, comes up and is killed in the middle gets every span, over %s",
      async (protocol) => {
        const dbPath = join(tempDir(), "telemetry.db");
        const telemetry = startTelemetry({ dbPath, registerGlobals: false });
        for (let run = 0; run < 1000; run++) telemetry.tracer.startSpan(`run ${run}`).end();
        await telemetry.shutdown();

        const ports = freePorts();
        let own: Collector | undefined;
        let kills = 0;
        const endpoint = `http://127.0.0.1:${protocol === "grpc" ? ports.grpc : ports.http}`;
        const clock: ForwardClock = {
          now: Date.now,
          async sleep() {
            await Bun.sleep(50); // Whatever it asks for.
            own ??= await startCollector(binary ?? "", sink, ports);
          },
        };
        const note = async ({ accepted, trouble }: ForwardProgress): Promise<void> => {
          if (trouble !== null || accepted < 512 || kills > 0) return;
          kills += 1;
          const killed = own;
          await killed?.kill();
          own = undefined;
        };
        const forwarding = new Forwarding({ path: dbPath, protocol, endpoint }, note, { clock });
        const signal = new AbortController().signal;
        const patienceMs = Number.POSITIVE_INFINITY;
        expect(await forwarding.run({ follow: false, patienceMs, signal })).toBe("done");
        expect(forwarding.pending()).toBe(0);
        forwarding.close();
        expect(kills).toBe(1);
        const names = [...(await sink.take(1000)).values()].map(({ span }) => span.name);
        expect(new Set(names)).toEqual(
          new Set(Array.from({ length: 1000 }, (_, run) => `run ${run}`)),
        );
        await own?.kill();
      },
      60_000,
    );

    test.each([
      ["http/protobuf", 401],
      ["http/protobuf", 403],
      ["http/protobuf", 500],
      ["grpc", 403],
      ["grpc", 500],
    ] as const)(
      "that cannot hand on has no span passed over: over %s, behind it %d",
      async (protocol, status) => {
        const dbPath = join(tempDir(), "telemetry.db");
        const telemetry = startTelemetry({ dbPath, registerGlobals: false });
        for (let run = 0; run < 20; run++) telemetry.tracer.startSpan(`run ${run}`).end();
        await telemetry.shutdown();
        const endpoint = protocol === "grpc" ? collector.grpcUrl : collector.httpUrl;
        const target = { path: dbPath, protocol, endpoint };
        const forwarding = new Forwarding(target, () => undefined);
        const signal = new AbortController().signal;
        sink.status = status; // The collector's own key has expired, say.
        expect(await forwarding.run({ follow: false, patienceMs: 0, signal })).toBe("gave_up");
        expect(forwarding.pending()).toBe(20);
        sink.status = 200;
        expect(await forwarding.run({ follow: false, patienceMs: 0, signal })).toBe("done");
        forwarding.close();
        expect((await sink.take(20)).size).toBe(20);
      },
    );
  },
);
