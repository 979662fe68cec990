/**
 * Records to one text and back. Text crosses to another thread at the price of a copy, says how much
 * memory a held batch takes, and can be sent again as it is. What repeats within a batch (resource,
 * scope, names, attribute keys) is in it once, in its first line; the attribute values and the detail
 * of each span are JSON without line breaks already, and follow as lines of their own.
 */
import type { SpanRecord } from "./span-record.ts";

type Row = [
  string,
  string,
  string | null,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
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
  const lines = [""];
  const rows = records.map((r): Row => {
    lines.push(r.attributeValues, r.detail ?? "");
    return [
      r.traceId,
      r.spanId,
      r.parentSpanId,
      indexOf(r.name),
      r.kind,
      r.startS,
      r.startNs,
      r.durationNs,
      r.statusCode,
      indexOf(r.resource),
      indexOf(r.scope),
      indexOf(r.attributeKeys),
    ];
  });
  const json: BatchJson = { texts: [...indexes.keys()], rows };
  lines[0] = JSON.stringify(json);
  return lines.join("\n");
}

export function decodeBatch(batch: string): SpanRecord[] {
  const lines = batch.split("\n");
  const { texts, rows } = JSON.parse(lines[0] ?? "") as BatchJson;
  return rows.map((row, i) => ({
    traceId: row[0],
    spanId: row[1],
    parentSpanId: row[2],
    name: texts[row[3]] ?? "",
    kind: row[4],
    startS: row[5],
    startNs: row[6],
    durationNs: row[7],
    statusCode: row[8],
    resource: texts[row[9]] ?? "",
    scope: texts[row[10]] ?? "",
    attributeKeys: texts[row[11]] ?? "",
    attributeValues: lines[2 * i + 1] ?? "",
    detail: lines[2 * i + 2] || null,
  }));
}
