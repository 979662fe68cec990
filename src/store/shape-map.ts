import type { SpanShape } from "./rows.ts";

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
 * What is known of each shape, up to a bound, beyond which all is forgotten. The spans of a batch share
 * their shapes, so that most look-ups end with the object itself. The others go level by level, because
 * the parts of a shape are texts whose hashes the runtime remembers: to join them to one key costs more.
 */
export class ShapeMap<T> {
  readonly #maxShapes: number;
  readonly #shapes: Shapes<T> = new Map();
  #byIdentity = new WeakMap<SpanShape, T>();
  #size = 0;

  constructor(maxShapes: number) {
    this.#maxShapes = maxShapes;
  }

  get(shape: SpanShape): T | undefined {
    const known = this.#byIdentity.get(shape);
    if (known !== undefined) return known;
    const { resource, scope, attributeKeys, name, kind } = shape;
    const inScope = this.#shapes.get(resource)?.get(scope);
    const found = inScope?.get(attributeKeys)?.get(name)?.get(kind);
    if (found !== undefined) this.#byIdentity.set(shape, found);
    return found;
  }

  add(shape: SpanShape, value: T): void {
    if (this.#size >= this.#maxShapes) this.clear();
    this.#size += 1;
    this.#byIdentity.set(shape, value);
    const { resource, scope, attributeKeys, name, kind } = shape;
    const inScope = below(below(this.#shapes, resource), scope);
    below(below(inScope, attributeKeys), name).set(kind, value);
  }

  clear(): void {
    this.#shapes.clear();
    this.#byIdentity = new WeakMap();
    this.#size = 0;
  }
}
