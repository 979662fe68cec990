import { afterEach, expect, test } from "bun:test";
import { type Attributes, type MeterProvider, metrics } from "@opentelemetry/api";
import { ExporterMetrics } from "../../src/exporter/exporter-metrics.ts";

afterEach(() => metrics.disable());

type Measurement = [string, number, Attributes];

/** Writes down what is measured. */
function listingProvider(measurements: Measurement[]): MeterProvider {
  const instrument = (name: string) => {
    const measure = (value: number, attributes: Attributes): void =>
      void measurements.push([name, value, attributes]);
    return { add: measure, record: measure };
  };
  const meter = {
    createUpDownCounter: instrument,
    createCounter: instrument,
    createHistogram: instrument,
  };
  return { getMeter: () => meter } as unknown as MeterProvider;
}

test("batches are measured as the conventions say, from when a provider stands", () => {
  const observer = new ExporterMetrics();
  observer.accepted(9);
  const measurements: Measurement[] = [];
  metrics.setGlobalMeterProvider(listingProvider(measurements));
  observer.accepted(5);
  observer.finished(5, 250, null);
  observer.finished(3, 1000, "full");
  const attributes = measurements[0]?.[2] ?? {};
  expect(String(attributes["otel.component.name"])).toMatch(
    /^spanledger_sqlite_span_exporter\/\d+$/,
  );
  expect(attributes["otel.component.type"]).toBe("spanledger_sqlite_span_exporter");
  const failed = { ...attributes, "error.type": "full" };
  expect(measurements).toEqual([
    ["otel.sdk.exporter.span.inflight", 5, attributes],
    ["otel.sdk.exporter.span.inflight", -5, attributes],
    ["otel.sdk.exporter.span.exported", 5, attributes],
    ["otel.sdk.exporter.operation.duration", 0.25, attributes],
    ["otel.sdk.exporter.span.inflight", -3, attributes],
    ["otel.sdk.exporter.span.exported", 3, failed],
    ["otel.sdk.exporter.operation.duration", 1, failed],
  ]);
});

test("a provider that throws harms nobody", () => {
  const broken = {
    getMeter: () => {
      throw new Error("no meter");
    },
  };
  metrics.setGlobalMeterProvider(broken as unknown as MeterProvider);
  const observer = new ExporterMetrics();
  observer.accepted(1);
  observer.finished(1, 1, null);
  expect(observer).toBeInstanceOf(ExporterMetrics);
});
