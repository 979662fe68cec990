/** Values of attributes made good: whatever an instrumentation sets, what comes out can be stored. */
import type { ReadAttributes } from "./read-span.ts";

/** Beyond any account of a run: a larger count is a mistake, and would make sums overflow. */
const MAX_COUNT = 1e12;

/** Where a value may stand: in an attribute, or somewhere in the JSON that an attribute holds. */
export type Source = string | JsonSource;

export interface JsonSource {
  attribute: string;
  read(json: ReadAttributes): unknown;
}

/** A count, whole and between 0 and 1e12; null where the value is none. */
export function count(value: unknown): number | null {
  const number = decimal(value);
  return number === null ? null : Math.min(Math.floor(number), MAX_COUNT);
}

/** US dollars in nano-dollars. */
export function nanoUsd(value: unknown): number | null {
  const usd = decimal(value);
  return usd === null ? null : Math.min(Math.round(usd * 1e9), Number.MAX_SAFE_INTEGER);
}

export function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

const API_KIND = /\.(?:messages|chat|responses|completion|embedding|image)$/;

/** A provider without the kind of API that the Vercel AI SDK adds: `anthropic` of `anthropic.messages`. */
export function providerName(value: unknown): string | null {
  const name = text(value);
  return name?.includes(".") ? name.replace(API_KIND, "") : name;
}

/** The first of several texts, or the only one: `gen_ai.response.finish_reasons`. */
export function firstText(value: unknown): string | null {
  return text(Array.isArray(value) ? value[0] : value);
}

/** The first source whose value can be read wins. */
export function firstOf<T>(
  attributes: ReadAttributes,
  sources: readonly Source[],
  read: (value: unknown) => T | null,
): T | null {
  for (const source of sources) {
    const stated = valueAt(attributes, source);
    if (stated === undefined) continue;
    const value = read(stated);
    if (value !== null) return value;
  }
  return null;
}

/** The text that was parsed last: a dialect looks for many columns in one attribute. */
let lastJson: { text: string; object: ReadAttributes | null } = { text: "", object: null };

/** The object in a JSON attribute; null where there is none. */
export function jsonObject(value: unknown): ReadAttributes | null {
  if (typeof value !== "string" || !value.startsWith("{")) return null;
  if (lastJson.text !== value) lastJson = { text: value, object: parsed(value) };
  return lastJson.object;
}

function parsed(text: string): ReadAttributes | null {
  try {
    return JSON.parse(text) as ReadAttributes;
  } catch {
    return null;
  }
}

/** The value at a path in a JSON attribute. */
export function inJson(attribute: string, ...path: string[]): JsonSource {
  return { attribute, read: (json) => path.reduce<unknown>(member, json) };
}

/** The sum of the numbers in a JSON attribute. */
export function sumInJson(attribute: string): JsonSource {
  return {
    attribute,
    read: (json) => {
      const numbers = Object.values(json).map(decimal);
      return numbers.every((number) => number === null)
        ? null
        : numbers.reduce<number>((sum, number) => sum + (number ?? 0), 0);
    },
  };
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as ReadAttributes)[key] : undefined;
}

function valueAt(attributes: ReadAttributes, source: Source): unknown {
  if (typeof source === "string") return attributes[source];
  const json = jsonObject(attributes[source.attribute]);
  return json === null ? undefined : source.read(json);
}

/** OTLP/JSON writes 64-bit integers as text, and so do some instrumentations. */
function decimal(value: unknown): number | null {
  const number =
    typeof value === "bigint" ||
    (typeof value === "string" && /^\d{1,20}(\.\d{1,20})?$/.test(value))
      ? Number(value)
      : value;
  if (typeof number !== "number" || !Number.isFinite(number) || number < 0) return null;
  return Math.abs(number); // -0 is 0
}
