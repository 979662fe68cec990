/** What Mastra's tracing costs alone: its exporter drops every event. */
import { LibSQLStore } from "@mastra/libsql";
import { BaseExporter } from "@mastra/observability";
import type { Way } from "../way.ts";
import { mastraRecorder, versions } from "./mastra.ts";

class NoOpExporter extends BaseExporter {
  name = "no-op";

  protected async _exportTracingEvent(): Promise<void> {}
}

export const way: Way = {
  name: `Mastra ${versions["@mastra/core"]}, no-op exporter`,
  file: "none",
  open: () => mastraRecorder(new LibSQLStore({ id: "bench", url: ":memory:" }), new NoOpExporter()),
  stored: async () => null,
};
