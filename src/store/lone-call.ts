/**
 * A trace that is one call of a model and nothing else: one span, with nothing above or beneath it. Of
 * such a trace, nothing within it can say whether another one tells of the same call.
 */
import { isComparable } from "./likeness.ts";
import type { TraceNode } from "./settle.ts";

/** The one span of a trace that is a lone call, as far as is known by now; null where it is none. */
export function loneCallOf(nodes: ReadonlyMap<string, TraceNode>): TraceNode | null {
  if (nodes.size !== 1) return null;
  const [node] = nodes.values();
  if (!node || node.parentSpanId !== null || node.execution !== null) return null;
  return isComparable(node) && node.usage?.quality !== "unknown_base" ? node : null;
}
