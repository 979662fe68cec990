/**
 * The same usage as Claude Code would leave it: a folder a repository, a file a session, a line an answer,
 * with no more in it than ccusage reads. Real ones hold the conversations too.
 */
import { Database } from "bun:sqlite";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Row {
  run: number;
  repo: string;
  endedMs: number;
  model: string;
  input: number;
  cacheRead: number;
  cacheCreation: number;
  output: number;
}

const ROWS = `SELECT e.id AS run, e.repo, u.ended_ms AS endedMs, u.model, u.input_tokens AS input,
  u.cache_read_tokens AS cacheRead, u.cache_creation_tokens AS cacheCreation, u.output_tokens AS output
  FROM usage_rows u JOIN executions e ON e.id = u.execution_id WHERE u.counted ORDER BY e.id`;

function line(row: Row, sessionId: string, n: number): string {
  const answer = {
    type: "assistant",
    sessionId,
    timestamp: new Date(row.endedMs).toISOString(),
    requestId: `req_${n}`,
    message: {
      id: `msg_${n}`,
      role: "assistant",
      model: row.model,
      usage: {
        input_tokens: row.input,
        output_tokens: row.output,
        cache_read_input_tokens: row.cacheRead,
        cache_creation_input_tokens: row.cacheCreation,
      },
    },
  };
  return `${JSON.stringify(answer)}\n`;
}

/** @returns how many bytes they are. */
export function writeClaudeLogs(directory: string, ledgerPath: string): number {
  const ledger = new Database(ledgerPath, { readonly: true });
  const files = new Map<string, { text: string; endedMs: number }>();
  let n = 0;
  for (const row of ledger.query<Row, []>(ROWS).iterate()) {
    const session = `00000000-0000-4000-8000-${row.run.toString(16).padStart(12, "0")}`;
    const path = join(row.repo.replace("/", "-"), `${session}.jsonl`);
    const text = (files.get(path)?.text ?? "") + line(row, session, n++);
    files.set(path, { text, endedMs: row.endedMs });
  }
  ledger.close(true);
  let bytes = 0;
  for (const [name, { text, endedMs }] of files) {
    const path = join(directory, "projects", name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
    utimesSync(path, endedMs / 1000, endedMs / 1000);
    bytes += text.length;
  }
  return bytes;
}
