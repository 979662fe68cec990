/** Its observer starts a NodeSDK whose exporter takes each span as it ends; a table of its own, by libSQL. */
import { AIGNEObserver } from "@aigne/observability-api";
import manifest from "../package.json" with { type: "json" };
import { storedInSqlite } from "../stored-in-sqlite.ts";
import { tracerRecorder, type Way } from "../way.ts";

export const way: Way = {
  name: `AIGNE ${manifest.devDependencies["@aigne/observability-api"]}`,
  file: "aigne.db",
  async open(path) {
    const observer = new AIGNEObserver({ storage: `file:${path}` });
    await observer.serve();
    return tracerRecorder(observer.tracer, {
      flush: async () => observer.processor?.forceFlush(),
      close: async () => {
        await observer.processor?.forceFlush();
        await observer.close();
      },
    });
  },
  stored: (path) =>
    storedInSqlite(
      path,
      `SELECT count(*), sum(CASE WHEN name LIKE 'chat %'
        THEN attributes ->> '$."gen_ai.usage.output_tokens"' END) FROM Trace`,
    ),
};
