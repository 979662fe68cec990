/**
 * Attributes to JSON that SQLite and people can read, with bounds. Nothing a span carries makes this
 * throw: what JSON cannot say is written as text, and its type noted beside it, so that a replay
 * restores it; what is too large is cut, and says so.
 */
import type { TypeNote } from "../store/rows.ts";

/** Longer text is cut at this many UTF-16 units. */
export const MAX_TEXT_LENGTH: number = 64 * 1024;
/** Once a span's texts have grown to this, the remaining long ones are cut much shorter. */
export const MAX_SPAN_LENGTH: number = 256 * 1024;
const SHORT_TEXT_LENGTH = 256;
/** Beyond this, nothing is left of them but their length. */
const NO_TEXT_ABOVE_LENGTH = 2 * MAX_SPAN_LENGTH;
const MAX_KEY_LENGTH = 1024;
const MAX_ARRAY_LENGTH = 10_000;
const MAX_DEPTH = 8;
const MAX_PLAIN_ITEMS = 100;

/** By attribute key or index. */
export type TypeNotes = Record<string, TypeNote>;

/** How much text there is of one span so far: its attributes, events and links share the bounds. */
export interface SpanText {
  length: number;
}

export interface AttributeJson {
  keys: string[];
  values: unknown[];
  types: TypeNotes | null;
}

/** Well-formed, without NUL (at which SQLite's own functions would stop), and at most `maxLength` long. */
export function cleanText(text: string, maxLength: number = MAX_TEXT_LENGTH): string {
  let clean = text;
  if (clean.length > maxLength) {
    clean = `${clean.slice(0, maxLength)}…[truncated ${clean.length - maxLength}]`;
  }
  if (!clean.isWellFormed()) clean = clean.toWellFormed();
  return clean.includes("\0") ? clean.replaceAll("\0", "\uFFFD") : clean;
}

function cleanKey(key: string): string {
  return cleanText(key, MAX_KEY_LENGTH);
}

class Cleaner {
  readonly #text: SpanText;
  /** What JSON cannot say of the value that was cleaned last. */
  note: TypeNote | null = null;

  constructor(text: SpanText) {
    this.#text = text;
  }

  value(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case "string":
        return this.#string(value);
      case "boolean":
        return value;
      case "number":
        if (Number.isFinite(value)) return value;
        this.note = "double";
        return String(value);
      case "bigint":
        this.note = "int64";
        return String(BigInt.asIntN(64, value));
      case "object":
        return value === null ? null : this.#object(value, depth);
      default:
        return null; // undefined, functions and symbols: the API lets none of them through.
    }
  }

  #string(value: string): string {
    const { length } = this.#text;
    const shortLength = length > NO_TEXT_ABOVE_LENGTH ? 0 : SHORT_TEXT_LENGTH;
    const clean = cleanText(value, length > MAX_SPAN_LENGTH ? shortLength : MAX_TEXT_LENGTH);
    this.#text.length += clean.length;
    return clean;
  }

  #object(value: object, depth: number): unknown {
    if (depth >= MAX_DEPTH) return "…[nested too deep]";
    if (value instanceof Uint8Array) {
      this.note = "bytes";
      return this.#string(Buffer.from(value).toString("base64"));
    }
    const source = value as Record<string, unknown>;
    const isArray = Array.isArray(value);
    const clean: Record<string, unknown> = isArray ? ([] as never) : Object.create(null);
    let notes: TypeNotes | null = null;
    for (const name of Object.keys(source).slice(0, MAX_ARRAY_LENGTH)) {
      const key = isArray ? name : cleanKey(name);
      clean[key] = this.value(source[name], depth + 1);
      if (this.note === null) continue;
      notes ??= Object.create(null) as TypeNotes;
      notes[key] = this.note;
      this.note = null;
    }
    this.note = notes;
    return clean;
  }
}

/** Own keys only: an array put under `__proto__` becomes the prototype of the SDK's attributes object. */
export function attributeJson(
  attributes: object | undefined,
  text: SpanText = { length: 0 },
): AttributeJson {
  const json: AttributeJson = { keys: [], values: [], types: null };
  if (!attributes) return json;
  const cleaner = new Cleaner(text);
  for (const name of Object.keys(attributes)) {
    const value = (attributes as Record<string, unknown>)[name];
    const key = cleanKey(name);
    json.keys.push(key);
    json.values.push(cleaner.value(value, 0));
    if (cleaner.note === null) continue;
    json.types ??= Object.create(null) as TypeNotes;
    json.types[key] = cleaner.note;
    cleaner.note = null;
  }
  return json;
}

/** What JSON says as it is, at most `MAX_PLAIN_ITEMS` of it: its length as text, or -1 where it is something else. */
function plainLength(value: unknown): number {
  switch (typeof value) {
    case "string":
      return value.length;
    case "number":
      return Number.isFinite(value) ? 0 : -1;
    case "boolean":
      return 0;
    default:
      return Array.isArray(value) ? plainItemsLength(value) : -1;
  }
}

function plainItemsLength(items: readonly unknown[]): number {
  if (items.length > MAX_PLAIN_ITEMS) return -1;
  let total = 0;
  for (const item of items) {
    const length = Array.isArray(item) ? -1 : plainLength(item);
    if (length < 0) return -1;
    total += length;
  }
  return total;
}

/**
 * The values of a span as a JSON array where nothing in them needs cleaning, as in almost all spans;
 * else null. JSON itself tells of NUL and of lone surrogates: it escapes both with `\\u`.
 */
function plainValues(attributes: object): string | null {
  const values: unknown[] = Object.values(attributes);
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    const length = plainLength(values[i]);
    if (length < 0) return null;
    total += length;
  }
  if (total > MAX_TEXT_LENGTH) return null;
  const text = JSON.stringify(values);
  return text.includes("\\u") ? null : text;
}

/** The values of a span's attributes as a JSON array, in the order of their keys. */
export function attributeValues(attributes: object = {}): {
  values: string;
  types: TypeNotes | null;
} {
  const plain = plainValues(attributes);
  if (plain !== null) return { values: plain, types: null };
  const { values, types } = attributeJson(attributes);
  return { values: JSON.stringify(values), types };
}

/** The keys of attributes as a JSON array. */
export function attributeKeys(keys: readonly string[]): string {
  return JSON.stringify(keys.map(cleanKey));
}

/** Attributes as one object: for what has no dictionary of keys (events, links, scopes, resources). */
export function attributeObject(
  attributes: object | undefined,
  text?: SpanText,
): {
  attributes?: Record<string, unknown>;
  types?: TypeNotes;
} {
  const { keys, values, types } = attributeJson(attributes, text);
  if (keys.length === 0) return {};
  const object: Record<string, unknown> = Object.create(null);
  for (const [index, key] of keys.entries()) object[key] = values[index];
  return types === null ? { attributes: object } : { attributes: object, types };
}
