/** Its span processor inserts each span as it starts and updates it as it ends, by libSQL. */
import { VoltAgentObservability } from "@voltagent/core";
import { LibSQLObservabilityAdapter } from "@voltagent/libsql";
import manifest from "../package.json" with { type: "json" };
import { storedInSqlite } from "../stored-in-sqlite.ts";
import { tracerRecorder, type Way } from "../way.ts";

/** Its own flush waits for nothing: so here are those updates counted that are not done. */
class CountingAdapter extends LibSQLObservabilityAdapter {
  #pending = 0;
  #done: (() => void) | null = null;

  override async updateSpan(...args: Parameters<LibSQLObservabilityAdapter["updateSpan"]>) {
    this.#pending += 1;
    try {
      await super.updateSpan(...args);
    } finally {
      this.#pending -= 1;
      if (this.#pending === 0) this.#done?.();
    }
  }

  async settled(): Promise<void> {
    if (this.#pending === 0) return;
    await new Promise<void>((done) => {
      this.#done = done;
    });
  }
}

const { devDependencies: versions } = manifest;

export const way: Way = {
  name: `VoltAgent ${versions["@voltagent/core"]}, libSQL ${versions["@voltagent/libsql"]}`,
  file: "voltagent.db",
  async open(path) {
    const storage = new CountingAdapter({ url: `file:${path}` });
    const observability = new VoltAgentObservability({
      serviceName: "review-bot",
      storage,
      voltOpsSync: { sampling: { strategy: "never" } }, // Nothing to its cloud.
    });
    return tracerRecorder(observability.getTracer(), {
      flush: () => storage.settled(),
      close: async () => {
        await storage.settled();
        await observability.shutdown();
      },
    });
  },
  stored: (path) =>
    storedInSqlite(
      path,
      `SELECT count(*), sum(CASE WHEN name LIKE 'chat %'
        THEN attributes ->> '$."gen_ai.usage.output_tokens"' END)
      FROM observability_spans WHERE end_time IS NOT NULL`,
    ),
};
