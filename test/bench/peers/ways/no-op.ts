/** What the SDK's spans and batches cost alone: nothing is written. */
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { tracerRecorder, type Way } from "../way.ts";

const BATCH = { maxQueueSize: 16_384, maxExportBatchSize: 512 };

export const way: Way = {
  name: "OpenTelemetry's SDK, no-op exporter",
  file: "none",
  async open() {
    const processor = new BatchSpanProcessor(
      { export: (_, done) => done({ code: 0 }), shutdown: async () => undefined },
      BATCH,
    );
    const provider = new BasicTracerProvider({ spanProcessors: [processor] });
    return tracerRecorder(provider.getTracer("bench"), {
      flush: () => processor.forceFlush(),
      close: () => provider.shutdown(),
    });
  },
  stored: async () => null,
};
