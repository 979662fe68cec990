/**
 * The same object with a few members of ours over its own. All else passes through: fields,
 * accessors, methods, `instanceof`, `in` and keys. Methods are called on the object itself, because
 * a proxy as `this` breaks private fields; one that returns its object returns this one.
 */
export function overlay<T extends object>(
  target: T,
  members: ReadonlyMap<PropertyKey, unknown>,
): T {
  const bound = new WeakMap<object, unknown>();
  const isFrozen = [...members.keys()].some((key) => isFixed(target, key));
  const proxy: T = new Proxy(isFrozen ? thawed(target) : target, {
    get(base, key) {
      if (members.has(key)) return members.get(key);
      const value: unknown = Reflect.get(target, key, target);
      if (isFixed(base, key)) return value;
      if (typeof value !== "function" || key === "constructor") return value;
      if (!bound.has(value)) bound.set(value, bindTo(value as Method));
      return bound.get(value);
    },
    set(_, key, value, receiver) {
      return Reflect.set(target, key, value, receiver === proxy ? target : receiver);
    },
  });
  const bindTo = (method: Method): unknown =>
    new Proxy(method, {
      apply(fn, self, args) {
        const value = Reflect.apply(fn, self === proxy ? target : self, args);
        return value === target ? proxy : value;
      },
    });
  return proxy;
}

type Method = (...args: unknown[]) => unknown;

/** A proxy must answer with the very value of a read-only, unconfigurable property: here is none. */
function thawed<T extends object>(target: T): T {
  const properties = Object.getOwnPropertyDescriptors<object>(target);
  for (const key of Reflect.ownKeys(properties)) {
    const property = Reflect.get(properties, key) as PropertyDescriptor;
    property.configurable = true;
  }
  return Object.create(target, properties) as T;
}

function isFixed(target: object, key: PropertyKey): boolean {
  const property = Reflect.getOwnPropertyDescriptor(target, key);
  return property?.configurable === false && property.writable === false;
}
