/**
 * Records to one text and back. Text crosses to another thread at the price of a copy, says how much
 * memory a held batch takes, and can be sent again as it is. What repeats within a batch (shapes, their
 * texts, trace ids) is in its first line once, and of each column all values together; the attribute
 * values and the detail of each span are JSON without line breaks already, and follow as lines.
 */
import type { SpanShape } from "../store/rows.ts";
import type { SpanRecord } from "./span-record.ts";

interface BatchJson {
  texts: string[];
  /** Name, kind, resource, scope and attribute keys; texts by their index. */
  shapes: [number, number, number, number, number][];
  traceIds: string[];
  /** Of each span, in order; trace and shape by their index. */
  trace: number[];
  spanId: string[];
  parentSpanId: (string | null)[];
  shape: number[];
  startS: number[];
  startNs: number[];
  durationNs: number[];
  statusCode: number[];
}

/** Values by the order in which they were first seen. */
class Indexed<T> {
  readonly #indexes = new Map<T, number>();

  get values(): T[] {
    return [...this.#indexes.keys()];
  }

  indexOf(value: T): number {
    const known = this.#indexes.get(value);
    if (known !== undefined) return known;
    const index = this.#indexes.size;
    this.#indexes.set(value, index);
    return index;
  }
}

function shapesJson(shapes: readonly SpanShape[]): Pick<BatchJson, "texts" | "shapes"> {
  const texts = new Indexed<string>();
  const rows = shapes.map((shape): BatchJson["shapes"][number] => [
    texts.indexOf(shape.name),
    shape.kind,
    texts.indexOf(shape.resource),
    texts.indexOf(shape.scope),
    texts.indexOf(shape.attributeKeys),
  ]);
  return { shapes: rows, texts: texts.values };
}

export function encodeBatch(records: readonly SpanRecord[]): string {
  const { length } = records;
  const shapes = new Indexed<SpanShape>();
  const traceIds = new Indexed<string>();
  const column = <T>(): T[] => new Array<T>(length);
  const json: BatchJson = {
    texts: [],
    shapes: [],
    traceIds: [],
    trace: column(),
    spanId: column(),
    parentSpanId: column(),
    shape: column(),
    startS: column(),
    startNs: column(),
    durationNs: column(),
    statusCode: column(),
  };
  const lines = new Array<string>(2 * length + 1);
  for (let i = 0; i < length; i++) {
    const record = records[i] as SpanRecord;
    json.trace[i] = traceIds.indexOf(record.traceId);
    json.spanId[i] = record.spanId;
    json.parentSpanId[i] = record.parentSpanId;
    json.shape[i] = shapes.indexOf(record.shape);
    json.startS[i] = record.startS;
    json.startNs[i] = record.startNs;
    json.durationNs[i] = record.durationNs;
    json.statusCode[i] = record.statusCode;
    lines[2 * i + 1] = record.attributeValues;
    lines[2 * i + 2] = record.detail ?? "";
  }
  json.traceIds = traceIds.values;
  lines[0] = JSON.stringify({ ...json, ...shapesJson(shapes.values) });
  return lines.join("\n");
}

export function decodeBatch(batch: string): SpanRecord[] {
  const lines = batch.split("\n");
  const json = JSON.parse(lines[0] ?? "") as BatchJson;
  const text = (index: number): string => json.texts[index] ?? "";
  const shapes = json.shapes.map(
    ([name, kind, resource, scope, keys]): SpanShape => ({
      name: text(name),
      kind,
      resource: text(resource),
      scope: text(scope),
      attributeKeys: text(keys),
    }),
  );
  return json.spanId.map((spanId, i) => ({
    traceId: json.traceIds[json.trace[i] as number] as string,
    spanId,
    parentSpanId: json.parentSpanId[i] as string | null,
    shape: shapes[json.shape[i] as number] as SpanShape,
    startS: json.startS[i] as number,
    startNs: json.startNs[i] as number,
    durationNs: json.durationNs[i] as number,
    statusCode: json.statusCode[i] as number,
    attributeValues: lines[2 * i + 1] ?? "",
    detail: lines[2 * i + 2] || null,
  }));
}
