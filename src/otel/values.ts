/** Values of unknown origin made good: each function takes anything and never throws for it. */

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}

/** Some fields of an object, without those whose getters throw. */
export function readable<K extends string>(
  value: object,
  keys: readonly K[],
): { [Key in K]?: unknown } {
  const fields: { [Key in K]?: unknown } = Object.create(null);
  for (const key of keys) {
    try {
      fields[key] = Reflect.get(value, key);
    } catch {
      // A field that cannot be read is a field that is not known.
    }
  }
  return fields;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A finite number that is not negative. */
export function amountOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** A whole number of tokens, turns or requests. */
export function countOf(value: unknown): number | undefined {
  const amount = amountOf(value);
  return amount === undefined ? undefined : Math.min(Math.round(amount), Number.MAX_SAFE_INTEGER);
}

/**
 * US dollars as whole nano-dollars, without the dust of floating point: 0.007790999999999999 is
 * 7_791_000. What a number cannot hold exactly, some nine million dollars, is no amount.
 */
export function nanoUsdOf(value: unknown): number | undefined {
  const nanoUsd = Math.round((amountOf(value) ?? Number.NaN) * 1e9);
  return Number.isSafeInteger(nanoUsd) ? nanoUsd : undefined;
}

/** The start of a text in at most `maxBytes` bytes of UTF-8, never with half a character. */
export function truncateUtf8(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const target = new Uint8Array(maxBytes);
  const { read } = new TextEncoder().encodeInto(text, target);
  return text.slice(0, read);
}
