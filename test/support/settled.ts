import { settle, type TraceNode } from "../../src/store/settle.ts";
import { traceNode } from "../../src/store/trace-reader.ts";
import { type SpanRowChanges, spanRow } from "./span-rows.ts";

/** Settles spans given as `name: changes`; returns the counted names, and the run of each. */
export function settled(spans: Record<string, SpanRowChanges>): {
  counted: string[];
  runs: string[];
} {
  const names = new Map<string, string>();
  const nodes = new Map<string, TraceNode>();
  for (const [name, changes] of Object.entries(spans)) {
    const node = traceNode(spanRow({ span: name, ...changes }));
    names.set(node.spanId, name);
    nodes.set(node.spanId, node);
  }
  const { counted, runs } = settle(nodes);
  const nameOf = (id: string): string => names.get(id) ?? "?";
  return { counted: [...counted].map(nameOf).sort(), runs: runs.map((run) => nameOf(run.spanId)) };
}
