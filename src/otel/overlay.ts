/**
 * The same object with a few members of ours over its own. All else passes through: fields,
 * accessors, methods, `instanceof`, `in` and keys. Methods are called on the object itself, because
 * a proxy as `this` breaks private fields.
 */
export function overlay<T extends object>(
  target: T,
  members: ReadonlyMap<PropertyKey, unknown>,
): T {
  const bound = new WeakMap<object, unknown>();
  const proxy: T = new Proxy(target, {
    get(_, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (isFixed(target, key)) return value;
      if (members.has(key)) return members.get(key);
      if (typeof value !== "function" || key === "constructor") return value;
      if (!bound.has(value)) bound.set(value, bindTo(value as Method));
      return bound.get(value);
    },
    set: (_, key, value) => Reflect.set(target, key, value, target),
  });
  const bindTo = (method: Method): unknown =>
    new Proxy(method, {
      apply: (fn, self, args) => Reflect.apply(fn, self === proxy ? target : self, args),
    });
  return proxy;
}

type Method = (...args: unknown[]) => unknown;

/** A proxy must answer a read-only, unconfigurable property with its very value, or it throws. */
function isFixed(target: object, key: PropertyKey): boolean {
  const property = Reflect.getOwnPropertyDescriptor(target, key);
  return property?.configurable === false && property.writable === false;
}
