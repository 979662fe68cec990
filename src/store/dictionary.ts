/**
 * What repeats from span to span (resource, scope, name, attribute keys) is stored once and referred
 * to by number. Ids are remembered, so that a span of a known shape costs one look-up in memory.
 *
 * Rows that no span uses any more are collected (dictionary-collector.ts) while other processes hold
 * ids in memory. What makes that safe is the file's generation, read in every writing transaction: a
 * new one empties the memory, and whatever is then looked up is marked as used in it. So an id that any
 * process remembers in the current generation is marked, and only unmarked rows are ever deleted.
 */
import type { Database, Statement } from "bun:sqlite";
import type { SpanShape } from "./rows.ts";
import { ShapeMap } from "./shape-map.ts";

/** Beyond this many shapes a span carries its name and keys itself: names with ids in them never end. */
export const MAX_SHAPES = 20_000;

interface IdRow {
  id: number;
}

interface ShapeIdRow extends IdRow {
  used_in: number;
}

/** Finds or adds one text and returns its id. */
function internStatement(db: Database, table: "resources" | "scopes"): Statement<IdRow, [string]> {
  return db.prepare(
    `INSERT INTO ${table} (body) VALUES (?) ON CONFLICT (body) DO UPDATE SET body = body RETURNING id`,
  );
}

export interface ShapeRef {
  id: number;
  /** False where the dictionary is full, and the row must carry its name and keys itself. */
  complete: boolean;
}

export class Dictionary {
  readonly #resource: Statement<IdRow, [string]>;
  readonly #scope: Statement<IdRow, [string]>;
  readonly #findShape: Statement<ShapeIdRow, [string, string, number, number, number]>;
  readonly #addShape: Statement<ShapeIdRow, [string, string, number, number, number, number]>;
  readonly #markUsed: Statement<unknown, [number, number]>;
  readonly #fileGeneration: Statement<{ n: number }, []>;
  readonly #countShapes: Statement<{ n: number }, []>;
  readonly #ids = new Map<string, number>();
  readonly #shapes = new ShapeMap<ShapeRef>(MAX_SHAPES);
  #generation = -1;

  constructor(db: Database) {
    this.#resource = internStatement(db, "resources");
    this.#scope = internStatement(db, "scopes");
    this.#findShape = db.prepare(
      `SELECT id, used_in FROM span_shapes WHERE attribute_keys = ? AND name = ? AND kind = ?
         AND scope_id = ? AND resource_id = ?`,
    );
    this.#addShape = db.prepare(
      `INSERT INTO span_shapes (attribute_keys, name, kind, scope_id, resource_id, used_in)
       VALUES (?, ?, ?, ?, ?, ?) RETURNING id, used_in`,
    );
    this.#markUsed = db.prepare("UPDATE span_shapes SET used_in = ? WHERE id = ?");
    this.#fileGeneration = db.prepare("SELECT dictionary_generation AS n FROM upkeep");
    this.#countShapes = db.prepare("SELECT count(*) AS n FROM span_shapes");
  }

  /** Forgets what it remembers: after a rollback, whose ids never came to be. */
  forget(): void {
    this.#ids.clear();
    this.#shapes.clear();
  }

  /** At the start of every writing transaction: forgets what may be collected from now on. */
  refresh(): void {
    const generation = this.#fileGeneration.get()?.n ?? 0;
    if (generation === this.#generation) return;
    this.forget();
    this.#generation = generation;
  }

  refOf(shape: SpanShape): ShapeRef {
    const known = this.#shapes.get(shape);
    if (known) return known;
    const ref = this.#intern(shape);
    this.#shapes.add(shape, ref);
    return ref;
  }

  #intern(shape: SpanShape): ShapeRef {
    const { name, kind, attributeKeys } = shape;
    const scope = this.#idOf(this.#scope, "s", shape.scope);
    const resource = this.#idOf(this.#resource, "r", shape.resource);
    const found = this.#findShape.get(attributeKeys, name, kind, scope, resource);
    if (found) return { id: this.#used(found), complete: true };
    const isFull = (this.#countShapes.get()?.n ?? 0) >= MAX_SHAPES;
    const [keys, text] = isFull ? ["[]", ""] : [attributeKeys, name];
    const row =
      (isFull ? this.#findShape.get(keys, text, kind, scope, resource) : null) ??
      this.#addShape.get(keys, text, kind, scope, resource, this.#generation);
    if (!row) throw new Error("INSERT … RETURNING gave no row");
    return { id: this.#used(row), complete: !isFull };
  }

  #used(shape: ShapeIdRow): number {
    if (shape.used_in < this.#generation) this.#markUsed.run(this.#generation, shape.id);
    return shape.id;
  }

  #idOf(statement: Statement<IdRow, [string]>, kind: string, body: string): number {
    const key = kind + body;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const row = statement.get(body);
    if (!row) throw new Error("INSERT … RETURNING gave no row");
    if (this.#ids.size >= MAX_SHAPES) this.#ids.clear();
    this.#ids.set(key, row.id);
    return row.id;
  }
}
