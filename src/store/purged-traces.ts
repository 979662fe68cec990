/**
 * What settling needs of the traces that were purged of late. A span may arrive after its trace was
 * purged: a run that went on, another process that held its batch back, a batch that is written again.
 * Counted by itself it would be counted twice, or be missed; so the trace is then brought back as it
 * was counted, settled again with its new span, and purged again later.
 */
import type { Database, Statement } from "bun:sqlite";
import type { ExecutionFacts, ModelUsageFacts, UsageFacts } from "./rows.ts";
import type { TraceNode } from "./settle.ts";
import { statedExecution, statedUsage, wholeExecution, wholeUsage } from "./stated-facts.ts";

/** A span that says nothing of a run or of usage only matters as a link between others. */
type Link = [spanId: string, parentSpanId: string | null];

interface StoredNode {
  at: [spanId: string, parentSpanId: string | null, endMs: number, durationMs: number];
  /** Unknown in what was remembered before it was asked for. */
  scopeName?: string;
  execution?: Partial<ExecutionFacts>;
  usage?: Omit<UsageFacts, "models"> & { models: Partial<ModelUsageFacts>[] };
  /** Present where it was not counted: it comes back as it was. */
  twinCounts?: true;
}

const SILENT = { endMs: 0, durationMs: 0, scopeName: null, execution: null, usage: null };

function encode(nodes: Iterable<TraceNode>): string {
  const parts: (StoredNode | Link)[] = [];
  for (const node of nodes) {
    const { spanId, parentSpanId, endMs, durationMs, scopeName, execution, usage } = node;
    if (!execution && !usage) {
      parts.push([spanId, parentSpanId]);
      continue;
    }
    const part: StoredNode = { at: [spanId, parentSpanId, endMs, durationMs] };
    if (scopeName !== null) part.scopeName = scopeName;
    if (execution) part.execution = statedExecution(execution);
    if (usage) part.usage = { ...usage, models: usage.models.map(statedUsage) };
    if (node.twinCounts) part.twinCounts = true;
    parts.push(part);
  }
  return JSON.stringify(parts);
}

function decode(text: string): TraceNode[] {
  return (JSON.parse(text) as (StoredNode | Link)[]).map((part) => {
    if (Array.isArray(part)) {
      const [spanId, parentSpanId] = part;
      return { ...SILENT, spanId, parentSpanId };
    }
    const [spanId, parentSpanId, endMs, durationMs] = part.at;
    const execution = part.execution ? wholeExecution(part.execution) : null;
    const models = part.usage?.models.map(wholeUsage) ?? [];
    const usage = part.usage ? { ...part.usage, models } : null;
    const scopeName = part.scopeName ?? null;
    const { twinCounts = false } = part;
    return { spanId, parentSpanId, endMs, durationMs, scopeName, execution, usage, twinCounts };
  });
}

export class PurgedTraces {
  readonly #find: Statement<{ nodes: string; length: number }, [string]>;
  readonly #put: Statement<{ length: number }, [string, number, string]>;
  readonly #deleteOld: Statement<{ length: number }, [number, number]>;
  readonly #addLength: Statement<unknown, [number]>;
  readonly #length: Statement<{ length: number }, []>;

  constructor(db: Database) {
    this.#find = db.prepare(
      "SELECT nodes, length(nodes) AS length FROM purged_traces WHERE trace_id = unhex(?)",
    );
    this.#put = db.prepare(
      `INSERT INTO purged_traces (trace_id, purged_ms, nodes) VALUES (unhex(?), ?, ?)
       ON CONFLICT (trace_id) DO UPDATE SET purged_ms = excluded.purged_ms, nodes = excluded.nodes
       RETURNING length(nodes) AS length`,
    );
    // One that was brought back is still needed, until it is purged again.
    this.#deleteOld = db.prepare(
      `DELETE FROM purged_traces WHERE id IN (SELECT p.id FROM purged_traces p WHERE p.purged_ms < ?
         AND NOT EXISTS (SELECT 1 FROM traces t WHERE t.trace_id = p.trace_id)
         ORDER BY p.purged_ms LIMIT ?)
       RETURNING length(nodes) AS length`,
    );
    this.#addLength = db.prepare("UPDATE upkeep SET remembered_length = remembered_length + ?");
    this.#length = db.prepare("SELECT remembered_length AS length FROM upkeep");
  }

  /** How many characters, and so about how many bytes, are remembered. */
  length(): number {
    return this.#length.get()?.length ?? 0;
  }

  /** The spans of a purged trace; none where it is not remembered. */
  recall(traceId: string): TraceNode[] {
    const row = this.#find.get(traceId);
    return row ? decode(row.nodes) : [];
  }

  remember(traceId: string, spans: Iterable<TraceNode>, nowMs: number): void {
    const before = this.#find.get(traceId)?.length ?? 0;
    const after = this.#put.get(traceId, nowMs, encode(spans))?.length ?? 0;
    this.#addLength.run(after - before);
  }

  /** @returns how many traces were forgotten, of those purged before `beforeMs`; the oldest go first. */
  forget(beforeMs: number, maxTraces: number): number {
    const forgotten = this.#deleteOld.all(beforeMs, maxTraces);
    const length = forgotten.reduce((sum, row) => sum + row.length, 0);
    if (forgotten.length > 0) this.#addLength.run(-length);
    return forgotten.length;
  }
}
