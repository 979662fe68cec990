/**
 * SPAN → ROW, the half that runs on the writer's thread: adds to a record what it says of an agent,
 * its run and its usage, priced by the date of the call. Spans of a shape that cannot say anything of
 * the kind are not even parsed.
 */
import type { SpanDetail, SpanFacts, SpanRow, SpanShape } from "../store/rows.ts";
import { ShapeMap } from "../store/shape-map.ts";
import { hasOnlyOperation, mayBeRun, mayHaveFacts, readFacts } from "./facts/read-facts.ts";
import type { PriceSource } from "./prices/price-source.ts";
import type { SpanRecord } from "./span-record.ts";

/** What was found out about a shape: spans of one code path share it. */
interface Shape {
  mayHaveFacts: boolean;
  hasOnlyOperation: boolean;
  keys: readonly string[];
  scopeName: string;
}

const MAX_SHAPES = 10_000;

function readShape({ attributeKeys, scope: scopeText, name }: SpanShape): Shape {
  const keys = JSON.parse(attributeKeys) as string[];
  const scope = JSON.parse(scopeText) as { name: string };
  return {
    mayHaveFacts: mayHaveFacts(keys, name),
    hasOnlyOperation: hasOnlyOperation(keys, name),
    keys,
    scopeName: scope.name,
  };
}

function attributesOf(record: SpanRecord, keys: readonly string[]): Record<string, unknown> {
  const values = JSON.parse(record.attributeValues) as unknown[];
  const attributes: Record<string, unknown> = Object.create(null);
  for (let i = 0; i < keys.length; i++) attributes[keys[i] as string] = values[i];
  return attributes;
}

function endMsOf(record: SpanRecord): number {
  return record.startS * 1000 + Math.floor((record.startNs + record.durationNs) / 1e6);
}

/** Turns records into rows. Remembers shapes, so one reader serves one writer for its life. */
export class SpanRowReader {
  readonly #prices: PriceSource;
  readonly #shapes = new ShapeMap<Shape>(MAX_SHAPES);

  constructor(prices: PriceSource) {
    this.#prices = prices;
  }

  row(record: SpanRecord): SpanRow {
    const shape = this.#shapeOf(record.shape);
    const mayHaveFacts =
      shape.mayHaveFacts && (!shape.hasOnlyOperation || mayBeRun(record.attributeValues));
    return { ...record, facts: mayHaveFacts ? this.#facts(record, shape) : null };
  }

  #shapeOf(spanShape: SpanShape): Shape {
    let shape = this.#shapes.get(spanShape);
    if (!shape) {
      shape = readShape(spanShape);
      this.#shapes.add(spanShape, shape);
    }
    return shape;
  }

  #facts(record: SpanRecord, shape: Shape): SpanFacts | null {
    const detail = record.detail === null ? null : (JSON.parse(record.detail) as SpanDetail);
    const span = {
      name: record.shape.name,
      kind: record.shape.kind,
      scopeName: shape.scopeName,
      attributes: attributesOf(record, shape.keys),
      events: detail?.events ?? [],
      statusCode: record.statusCode,
      endMs: endMsOf(record),
    };
    return readFacts(span, this.#prices);
  }
}
