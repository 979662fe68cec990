/** Ends and flushes one batch of spans after another, and says so once each is in the file. */
import { startTelemetry } from "../../src/index.ts";

const [batchSpans, options] = process.argv.slice(2);
const telemetry = startTelemetry({ ...JSON.parse(options ?? "{}"), registerGlobals: false });
const count = Number(batchSpans);
const batches = Number(process.env["BATCHES"] ?? Number.POSITIVE_INFINITY);
for (let batch = 0; batch < batches; batch += 1) {
  for (let i = 0; i < count; i += 1) {
    telemetry.tracer.startSpan("work", { attributes: { n: batch * count + i } }).end();
  }
  await telemetry.flush();
  console.log(batch);
}
