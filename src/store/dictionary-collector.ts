/**
 * Deletes the rows of the dictionary (span_shapes, scopes, resources) that no span uses any more, a
 * slice at a time: marks what is used, then sweeps the rest. See dictionary.ts for why this is safe
 * beside writers that remember ids: the new generation, with which it begins, makes them mark
 * whatever they use from then on.
 */
import type { Database, Statement } from "bun:sqlite";

/** The spans that were there when the generation began; later ones are marked by their writers. */
interface Scan {
  generation: number;
  lastId: number;
  nextId: number;
}

/** Each method runs inside a transaction of the caller. */
export class DictionaryCollector {
  readonly #begin: Statement<{ generation: number }, []>;
  readonly #lastSpan: Statement<{ id: number | null }, []>;
  readonly #sliceEnd: Statement<{ id: number | null }, [number, number]>;
  readonly #markUsed: Statement<unknown, [number, number, number]>;
  readonly #sweepShapes: Statement<unknown, [number, number]>;
  readonly #sweepOthers: readonly Statement<unknown, []>[];
  readonly #end: Statement<unknown, [number]>;
  #scan: Scan | null = null;

  constructor(db: Database) {
    this.#begin = db.prepare(
      `UPDATE upkeep SET dictionary_generation = dictionary_generation + 1
       RETURNING dictionary_generation AS generation`,
    );
    this.#lastSpan = db.prepare("SELECT max(id) AS id FROM span_rows");
    this.#sliceEnd = db.prepare(
      "SELECT max(id) AS id FROM (SELECT id FROM span_rows WHERE id >= ? ORDER BY id LIMIT ?)",
    );
    this.#markUsed = db.prepare(
      `UPDATE span_shapes SET used_in = ?1 WHERE used_in < ?1 AND id IN
         (SELECT DISTINCT shape_id FROM span_rows WHERE id BETWEEN ?2 AND ?3)`,
    );
    this.#sweepShapes = db.prepare(
      "DELETE FROM span_shapes WHERE id IN (SELECT id FROM span_shapes WHERE used_in < ? LIMIT ?)",
    );
    this.#sweepOthers = [
      db.prepare("DELETE FROM scopes WHERE id NOT IN (SELECT scope_id FROM span_shapes)"),
      db.prepare("DELETE FROM resources WHERE id NOT IN (SELECT resource_id FROM span_shapes)"),
    ];
    this.#end = db.prepare("UPDATE upkeep SET purged_spans = 0, collected_ms = ?");
  }

  get isUnderWay(): boolean {
    return this.#scan !== null;
  }

  /** After a rollback, which may have undone marks: what was scanned is scanned again. */
  startOver(): void {
    this.#scan = null;
  }

  /** Takes the next slice of about `maxRows` rows; after the last one it is no longer under way. */
  step(maxRows: number, nowMs: number): void {
    if (this.#scan === null) {
      const generation = this.#begin.get()?.generation ?? 0;
      this.#scan = { generation, lastId: this.#lastSpan.get()?.id ?? 0, nextId: 1 };
      return;
    }
    const { generation, lastId, nextId } = this.#scan;
    const endId = this.#sliceEnd.get(nextId, maxRows)?.id ?? null;
    if (nextId <= lastId && endId !== null) {
      this.#markUsed.run(generation, nextId, endId);
      this.#scan.nextId = endId + 1;
      return;
    }
    if (this.#sweepShapes.run(generation, maxRows).changes > 0) return;
    for (const sweep of this.#sweepOthers) sweep.run();
    this.#end.run(nowMs);
    this.#scan = null;
  }
}
