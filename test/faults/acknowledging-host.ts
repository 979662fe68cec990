/** Writes one batch of spans after another, and says so once each is in the file. No more than the writer, to start fast. */
import { newWriter, spanRecords } from "../support/writers.ts";

const [batchSpans, options] = process.argv.slice(2);
const { writer } = newWriter(JSON.parse(options ?? "{}").dbPath);
const count = Number(batchSpans);
const batches = Number(process.env["BATCHES"] ?? Number.POSITIVE_INFINITY);
for (let batch = 0; batch < batches; batch += 1) {
  writer.accept(spanRecords(count, batch * count));
  await writer.flush(10_000);
  console.log(batch);
}
await writer.close(10_000);
