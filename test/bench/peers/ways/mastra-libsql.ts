import { LibSQLStore } from "@mastra/libsql";
import { MastraStorageExporter } from "@mastra/observability";
import { storedInSqlite } from "../stored-in-sqlite.ts";
import type { Way } from "../way.ts";
import { mastraRecorder, versions } from "./mastra.ts";

const name = `Mastra ${versions["@mastra/core"]}, libSQL ${versions["@mastra/libsql"]}`;

function libsql(file: string, strategy: "auto" | "insert-only"): Way {
  return {
    name: strategy === "auto" ? name : `${name}, ${strategy}`,
    file,
    open: (path) =>
      mastraRecorder(
        new LibSQLStore({ id: "bench", url: `file:${path}` }),
        new MastraStorageExporter({ strategy }),
      ),
    stored: (path) =>
      storedInSqlite(
        path,
        `SELECT count(*), sum(CASE WHEN spanType = 'model_generation'
          THEN attributes ->> '$.usage.outputTokens' END)
        FROM mastra_ai_spans WHERE endedAt IS NOT NULL`,
      ),
  };
}

/** As it comes: a row is inserted when a span starts, and updated when it ends. */
export const way: Way = libsql("mastra.db", "auto");

/** Only spans that ended are written: its fastest setting for this storage. */
export const insertOnly: Way = libsql("mastra-insert-only.db", "insert-only");
