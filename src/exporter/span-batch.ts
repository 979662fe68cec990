/**
 * Records to one text and back. Text crosses to another thread at the price of a copy, says how much
 * memory a held batch takes, and can be sent again as it is. What repeats within a batch (resource,
 * scope, attribute keys) is in it once.
 */
import type { SpanRecord } from "./span-record.ts";

type Row = [
  string,
  string,
  string | null,
  string,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  string,
  string | null,
];

interface BatchJson {
  texts: string[];
  rows: Row[];
}

export function encodeBatch(records: readonly SpanRecord[]): string {
  const indexes = new Map<string, number>();
  const indexOf = (text: string): number => {
    let index = indexes.get(text);
    if (index === undefined) {
      index = indexes.size;
      indexes.set(text, index);
    }
    return index;
  };
  const rows = records.map(
    (r): Row => [
      r.traceId,
      r.spanId,
      r.parentSpanId,
      r.name,
      r.kind,
      r.startS,
      r.startNs,
      r.durationNs,
      r.statusCode,
      indexOf(r.resource),
      indexOf(r.scope),
      indexOf(r.attributeKeys),
      r.attributeValues,
      r.detail,
    ],
  );
  const json: BatchJson = { texts: [...indexes.keys()], rows };
  return JSON.stringify(json);
}

export function decodeBatch(batch: string): SpanRecord[] {
  const { texts, rows } = JSON.parse(batch) as BatchJson;
  return rows.map((row) => ({
    traceId: row[0],
    spanId: row[1],
    parentSpanId: row[2],
    name: row[3],
    kind: row[4],
    startS: row[5],
    startNs: row[6],
    durationNs: row[7],
    statusCode: row[8],
    resource: texts[row[9]] ?? "",
    scope: texts[row[10]] ?? "",
    attributeKeys: texts[row[11]] ?? "",
    attributeValues: row[12],
    detail: row[13],
  }));
}
