/**
 * OpenTelemetry's own metrics of an exporter, where a global `MeterProvider` stands:
 * https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics
 */
import {
  type Attributes,
  type Counter,
  type Histogram,
  type MeterProvider,
  metrics,
  type UpDownCounter,
} from "@opentelemetry/api";
import type { BatchObserver } from "./queue-writer.ts";

const COMPONENT_TYPE = "spanledger_sqlite_span_exporter";
let components = 0;

interface Instruments {
  inflight: UpDownCounter;
  exported: Counter;
  duration: Histogram;
}

function instrumentsOf(provider: MeterProvider): Instruments {
  const meter = provider.getMeter("spanledger");
  return {
    inflight: meter.createUpDownCounter("otel.sdk.exporter.span.inflight", {
      unit: "{span}",
      description: "Spans that were passed to the exporter and are not exported yet.",
    }),
    exported: meter.createCounter("otel.sdk.exporter.span.exported", {
      unit: "{span}",
      description: "Spans whose export has finished, successfully or not.",
    }),
    duration: meter.createHistogram("otel.sdk.exporter.operation.duration", {
      unit: "s",
      description: "The time from the hand-over of a batch until it is in the file.",
    }),
  };
}

export class ExporterMetrics implements BatchObserver {
  readonly #attributes: Attributes;
  #provider: MeterProvider | null = null;
  #instruments: Instruments | null = null;

  constructor() {
    this.#attributes = {
      "otel.component.type": COMPONENT_TYPE,
      "otel.component.name": `${COMPONENT_TYPE}/${components++}`,
    };
  }

  accepted(spans: number): void {
    this.#measure(({ inflight }) => inflight.add(spans, this.#attributes));
  }

  finished(spans: number, durationMs: number, reason: string | null): void {
    const attributes =
      reason === null ? this.#attributes : { ...this.#attributes, "error.type": reason };
    this.#measure(({ inflight, exported, duration }) => {
      inflight.add(-spans, this.#attributes);
      exported.add(spans, attributes);
      duration.record(durationMs / 1000, attributes);
    });
  }

  #measure(run: (instruments: Instruments) => void): void {
    try {
      run(this.#current());
    } catch {
      // The host's meter provider is broken; spans are written all the same.
    }
  }

  /** A host may set its provider after us: the API has no proxy for meters. */
  #current(): Instruments {
    const provider = metrics.getMeterProvider();
    if (!this.#instruments || provider !== this.#provider) {
      this.#provider = provider;
      this.#instruments = instrumentsOf(provider);
    }
    return this.#instruments;
  }
}
