/**
 * What bounds ingest: the rows that spanledger writes, ready-made, with nothing to read, to price or to
 * settle, each by one prepared INSERT, 512 spans a transaction. Table by table and index by index,
 * beside the floor (one plain table) and beside spanledger itself, which makes the rows.
 * `--spans 200000`: how many; all take turns, batch by batch.
 */
import { Database, type SQLQueryBindings, type Statement } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MIGRATIONS } from "../../src/store/schema.ts";
import { agentSpans, take } from "./agent-traces.ts";
import { type Figure, numberOption, report, threadCpuUs } from "./figures.ts";
import { PlainTable, plainRow } from "./plain-table.ts";
import { BatchWriter, encoded, endMs } from "./writer.ts";

const BATCH_SPANS = 512;
const CHECKPOINT_ROWS = 1000;

/** How a table's rows are read from the ledger, and written again. */
interface TableCopy {
  name: string;
  read: string;
  insert: string;
}

const USAGE_COLUMNS = `id, trace_no, execution_id, ended_ms, scope, quality, response_id, provider,
  model, input_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_5m_tokens,
  cache_creation_1h_tokens, output_tokens, reasoning_tokens, web_search_requests,
  reported_cost_nano_usd, cost_basis, computed_cost_nano_usd, price_match, counted`;

const SPANS: TableCopy = {
  name: "span_rows",
  read: `SELECT trace_no, lower(hex(span_id)), lower(hex(parent_span_id)), shape_id,
    start_ns / 1000000000, start_ns % 1000000000, duration_ns, status_code, attribute_values, detail
    FROM span_rows WHERE id > ?`,
  // A number of this process does not hold the nanoseconds since 1970.
  insert: `INSERT INTO span_rows (trace_no, span_id, parent_span_id, shape_id, start_ns, duration_ns,
    status_code, attribute_values, detail)
    VALUES (?1, unhex(?2), unhex(?3), ?4, ?5 * 1000000000 + ?6, ?7, ?8, ?9, ?10)`,
};

const USAGE: TableCopy = {
  name: "usage_rows",
  read: `SELECT lower(hex(span_id)), ${USAGE_COLUMNS} FROM usage_rows WHERE id > ?`,
  insert: `INSERT INTO usage_rows (span_id, ${USAGE_COLUMNS})
    VALUES (unhex(?)${", ?".repeat(USAGE_COLUMNS.split(",").length)})`,
};

const TRACES: TableCopy = {
  name: "traces",
  read: "SELECT id, lower(hex(trace_id)), last_seen_ms, spans, settles FROM traces WHERE id > ?",
  insert: "INSERT INTO traces VALUES (?, unhex(?), ?, ?, ?)",
};

const RUN_COLUMNS = `id, trace_id, span_id, delivery_id, repo, pr_number, event_type, provider, model,
  input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, duration_ms, conclusion,
  session_id, num_turns, stop_reason, agent_name, error_type, cost_source, cost_nano_usd, unpriced,
  usage_quality, attributes, ended_ms, trace_no`;

const RUNS: TableCopy = {
  name: "executions",
  read: `SELECT ${RUN_COLUMNS} FROM executions WHERE id > ?`,
  insert: `INSERT INTO executions (${RUN_COLUMNS})
    VALUES (?${", ?".repeat(RUN_COLUMNS.split(",").length - 1)})`,
};

const ALL: readonly TableCopy[] = [SPANS, USAGE, TRACES, RUNS];
type Rows = Map<TableCopy, SQLQueryBindings[][]>;

/** What spanledger has added to its file since it was last asked. */
class NewRows {
  readonly #db: Database;
  readonly #lastIds = new Map<TableCopy, number>();

  constructor(path: string) {
    this.#db = new Database(path, { readonly: true });
  }

  next(): Rows {
    const rows: Rows = new Map();
    for (const table of ALL) {
      rows.set(
        table,
        this.#db.query(table.read).values(this.#lastIds.get(table) ?? 0) as SQLQueryBindings[][],
      );
      const last = `SELECT coalesce(max(id), 0) AS id FROM ${table.name}`;
      this.#lastIds.set(table, this.#db.query<{ id: number }, []>(last).get()?.id ?? 0);
    }
    return rows;
  }

  close(): void {
    this.#db.close(true);
  }
}

interface Rung {
  name: string;
  tables: readonly TableCopy[];
  /** Indexes that it does without. */
  without: readonly string[];
  checkpoints: boolean;
}

const SPAN_INDEX = ["span_rows_key"];
const USAGE_INDEXES = ["usage_rows_by_trace", "usage_rows_by_end"];

const RUNGS: readonly Rung[] = [
  { name: "rows of spans", tables: [SPANS], without: SPAN_INDEX, checkpoints: false },
  { name: "… with their unique index", tables: [SPANS], without: [], checkpoints: false },
  { name: "… and usage rows", tables: [SPANS, USAGE], without: USAGE_INDEXES, checkpoints: false },
  { name: "… with their indexes", tables: [SPANS, USAGE], without: [], checkpoints: false },
  { name: "… and traces and runs", tables: ALL, without: [], checkpoints: false },
  { name: "… and checkpoints", tables: ALL, without: [], checkpoints: true },
];

/** Time that one way has taken so far. */
class Clock {
  wallMs = 0;
  cpuUs = 0;

  measure(run: () => void): void {
    const [beganMs, beganUs] = [performance.now(), threadCpuUs()];
    run();
    this.wallMs += performance.now() - beganMs;
    this.cpuUs += threadCpuUs() - beganUs;
  }
}

/** A file of our schema into which ready-made rows go. */
class RowFile {
  readonly clock = new Clock();
  readonly #db: Database;
  readonly #rung: Rung;
  readonly #inserts: readonly [TableCopy, Statement<unknown, SQLQueryBindings[]>][];
  #rows = 0;

  constructor(path: string, rung: Rung) {
    this.#rung = rung;
    this.#db = new Database(path);
    this.#db.run("PRAGMA journal_mode = WAL");
    this.#db.run("PRAGMA synchronous = NORMAL");
    if (rung.checkpoints) this.#db.run("PRAGMA wal_autocheckpoint = 0");
    for (const step of MIGRATIONS) this.#db.run(step);
    for (const index of rung.without) this.#db.run(`DROP INDEX ${index}`);
    this.#inserts = rung.tables.map((table) => [table, this.#db.prepare(table.insert)]);
  }

  write(rows: Rows): void {
    this.clock.measure(() => {
      this.#db.run("BEGIN IMMEDIATE");
      for (const [table, insert] of this.#inserts) {
        for (const row of rows.get(table) ?? []) insert.run(...row);
      }
      this.#db.run("COMMIT");
      this.#rows += BATCH_SPANS;
      if (!this.#rung.checkpoints || this.#rows < CHECKPOINT_ROWS) return;
      this.#rows = 0;
      this.#db.query("PRAGMA wal_checkpoint(PASSIVE)").get();
    });
  }

  close(): void {
    this.#db.close(true);
  }
}

const spans = numberOption("spans", 200_000);
const directory = mkdtempSync(join(tmpdir(), "spanledger-bench-"));
try {
  const ledgerPath = join(directory, "ledger.db");
  const writer = new BatchWriter(ledgerPath);
  const table = new PlainTable(join(directory, "plain.db"), "no index");
  const files = RUNGS.map((rung, i) => new RowFile(join(directory, `${i}.db`), rung));
  const source = agentSpans();
  const [floor, whole] = [new Clock(), new Clock()];
  let newRows: NewRows | undefined;
  for (let written = 0; written < spans; written += BATCH_SPANS) {
    const batch = take(source, BATCH_SPANS);
    const plain = batch.map(plainRow);
    const text = encoded(batch);
    floor.measure(() => table.write(plain));
    whole.measure(() => writer.write(text, endMs(batch)));
    newRows ??= new NewRows(ledgerPath);
    const rows = newRows.next();
    for (const file of files) file.write(rows);
  }
  newRows?.close();
  for (const file of files) file.close();
  writer.close();
  table.close();
  const figuresOf = (name: string, { wallMs, cpuUs }: Clock): Figure[] => [
    { name, value: (spans * 1000) / wallMs, unit: "spans/s" },
    { name, value: cpuUs / spans, unit: "µs of CPU a span" },
    { name, value: floor.wallMs / wallMs, unit: "× the floor" },
  ];
  report(`Ready-made rows, ${spans.toLocaleString("en")} spans of agents`, [
    ...figuresOf("floor", floor),
    ...files.flatMap(({ clock }, i) => figuresOf(RUNGS[i]?.name ?? "", clock)),
    ...figuresOf("spanledger", whole),
  ]);
} finally {
  rmSync(directory, { recursive: true });
}
