import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { sqliteSpanProcessor } from "../../../../src/index.ts";
import { VERSION } from "../../../../src/version.ts";
import { storedInSqlite } from "../stored-in-sqlite.ts";
import { tracerRecorder, type Way } from "../way.ts";

export const way: Way = {
  name: `spanledger ${VERSION}`,
  file: "spanledger.db",
  async open(dbPath) {
    const processor = sqliteSpanProcessor({ dbPath });
    const provider = new BasicTracerProvider({ spanProcessors: [processor] });
    return tracerRecorder(provider.getTracer("bench"), {
      flush: () => processor.forceFlush(),
      close: () => provider.shutdown(),
    });
  },
  stored: (path) =>
    storedInSqlite(
      path,
      `SELECT count(*), sum(CASE WHEN name LIKE 'chat %'
        THEN attributes ->> '$."gen_ai.usage.output_tokens"' END) FROM spans`,
    ),
};
