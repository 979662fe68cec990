/** What Mastra recommends for traces on a developer's machine; not SQLite, but one file in the process too. */
import { DuckDBInstance } from "@duckdb/node-api";
import { MastraCompositeStore } from "@mastra/core/storage";
import { DuckDBStore } from "@mastra/duckdb";
import { LibSQLStore } from "@mastra/libsql";
import { MastraStorageExporter } from "@mastra/observability";
import type { Way } from "../way.ts";
import { mastraRecorder, versions } from "./mastra.ts";

export const way: Way = {
  name: `Mastra ${versions["@mastra/core"]}, DuckDB ${versions["@mastra/duckdb"]}`,
  file: "mastra.duckdb",
  async open(path) {
    const observability = await new DuckDBStore({ path }).getStore("observability");
    if (!observability) throw new Error("Mastra's DuckDB has no place for traces.");
    const rest = new LibSQLStore({ id: "rest", url: ":memory:" });
    const storage = new MastraCompositeStore({
      id: "bench",
      default: rest,
      domains: { observability },
    });
    return mastraRecorder(storage, new MastraStorageExporter());
  },
  async stored(path) {
    const instance = await DuckDBInstance.create(path);
    const connection = await instance.connect();
    const answer = await connection.runAndReadAll(
      `SELECT count(DISTINCT spanId)::DOUBLE, sum(CASE WHEN spanType = 'model_generation'
         THEN CAST(attributes ->> '$.usage.outputTokens' AS DOUBLE) END)
       FROM span_events WHERE endedAt IS NOT NULL`,
    );
    await connection.run("CHECKPOINT");
    connection.closeSync();
    instance.closeSync();
    const [[spans, tokens] = [0, 0]] = answer.getRows();
    return { spans: Number(spans), chatOutputTokens: Number(tokens) };
  },
};
