/** What a span has in common with the others of its code path, made once for all of them. */
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { SpanShape } from "../store/rows.ts";
import { attributeKeys, attributeObject, cleanText } from "./attribute-json.ts";

export const MAX_NAME_LENGTH = 4096;

/** Resources and scopes are few, immutable and shared by all their spans: their text is made once. */
const resourceTexts = new WeakMap<object, string>();
const scopeTexts = new WeakMap<object, string>();

function remembered(texts: WeakMap<object, string>, key: object, make: () => string): string {
  let text = texts.get(key);
  if (text === undefined) {
    text = make();
    texts.set(key, text);
  }
  return text;
}

function resourceText(resource: ReadableSpan["resource"]): string {
  const make = () =>
    JSON.stringify({
      attributes: {},
      ...attributeObject(resource.attributes),
      schemaUrl: resource.schemaUrl,
    });
  // A resource still waiting for a detector will say more later.
  return resource.asyncAttributesPending ? make() : remembered(resourceTexts, resource, make);
}

function scopeText(scope: ReadableSpan["instrumentationScope"]): string {
  return remembered(scopeTexts, scope, () => {
    const { name, version, schemaUrl } = scope;
    // Newer than the SDK's type.
    const { attributes, droppedAttributesCount } = scope as {
      attributes?: object;
      droppedAttributesCount?: number;
    };
    return JSON.stringify({
      name: cleanText(name, MAX_NAME_LENGTH),
      version,
      schemaUrl,
      ...attributeObject(attributes),
      dropped: droppedAttributesCount || undefined,
    });
  });
}

/** A shape, and what it was made of. */
interface MadeShape {
  kind: number;
  resource: ReadableSpan["resource"];
  scope: ReadableSpan["instrumentationScope"];
  keys: readonly string[];
  shape: SpanShape;
}

/** The last shape of each name: the next span of that name, in most cases, has the same. */
const lastShapes = new Map<string, MadeShape>();
const MAX_LAST_SHAPES = 1000;

function areSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The shape of a finished span: the same object for spans that follow each other, where it is the same. */
export function spanShape(span: ReadableSpan): SpanShape {
  const { name, kind, resource, instrumentationScope: scope } = span;
  const keys = Object.keys(span.attributes ?? {});
  const last = lastShapes.get(name);
  if (
    last?.kind === kind &&
    last.resource === resource &&
    last.scope === scope &&
    areSame(last.keys, keys)
  ) {
    return last.shape;
  }
  const shape: SpanShape = {
    name: cleanText(name, MAX_NAME_LENGTH),
    kind,
    resource: resourceText(resource),
    scope: scopeText(scope),
    attributeKeys: attributeKeys(keys),
  };
  if (resource.asyncAttributesPending || name.length > MAX_NAME_LENGTH) return shape;
  if (lastShapes.size >= MAX_LAST_SHAPES) lastShapes.clear();
  lastShapes.set(name, { kind, resource, scope, keys, shape });
  return shape;
}
