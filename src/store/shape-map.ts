import type { SpanRow } from "./rows.ts";

/** What spans of one code path have in common. */
export type SpanShape = Pick<SpanRow, "resource" | "scope" | "attributeKeys" | "name" | "kind">;

type Shapes<T> = Map<string, Map<string, Map<string, Map<string, Map<number, T>>>>>;

function below<K, K2, V>(level: Map<K, Map<K2, V>>, key: K): Map<K2, V> {
  let next = level.get(key);
  if (!next) {
    next = new Map();
    level.set(key, next);
  }
  return next;
}

/**
 * What is known of each shape, up to a bound, beyond which all is forgotten. Level by level, because
 * the parts of a shape are texts that many spans share, whose hashes the runtime remembers: to join
 * them to one key costs more than all of the look-ups.
 */
export class ShapeMap<T> {
  readonly #maxShapes: number;
  readonly #shapes: Shapes<T> = new Map();
  #size = 0;

  constructor(maxShapes: number) {
    this.#maxShapes = maxShapes;
  }

  get({ resource, scope, attributeKeys, name, kind }: SpanShape): T | undefined {
    const inScope = this.#shapes.get(resource)?.get(scope);
    return inScope?.get(attributeKeys)?.get(name)?.get(kind);
  }

  add({ resource, scope, attributeKeys, name, kind }: SpanShape, value: T): void {
    if (this.#size >= this.#maxShapes) this.clear();
    this.#size += 1;
    const inScope = below(below(this.#shapes, resource), scope);
    below(below(inScope, attributeKeys), name).set(kind, value);
  }

  clear(): void {
    this.#shapes.clear();
    this.#size = 0;
  }
}
