/** Which spans overlap in time, and pairs of those of one side and the other, each in one at most. */
import type { TraceNode } from "./settle.ts";

/** What took no time took a millisecond, which is how exactly times are known here. */
function startMs({ endMs, durationMs }: TraceNode): number {
  return endMs - Math.max(durationMs, 1);
}

/** By when they end, and by id where that is the same moment. */
export function byEnd(a: TraceNode, b: TraceNode): number {
  return a.endMs - b.endMs || (a.spanId < b.spanId ? -1 : 1);
}

export function overlap(a: TraceNode, b: TraceNode): boolean {
  return startMs(a) < b.endMs && startMs(b) < a.endMs;
}

/** Apart where nothing overlaps anything: no span of one chain overlaps one of another. */
export function overlappingChains<Node extends TraceNode>(nodes: Iterable<Node>): Node[][] {
  const chains: Node[][] = [];
  let chain: Node[] = [];
  let endMs = Number.NEGATIVE_INFINITY;
  for (const node of [...nodes].sort((a, b) => startMs(a) - startMs(b))) {
    if (startMs(node) >= endMs) {
      chain = [];
      chains.push(chain);
    }
    chain.push(node);
    endMs = Math.max(endMs, node.endMs);
  }
  return chains;
}

function insertByEnd(open: TraceNode[], node: TraceNode): void {
  const before = open.findLastIndex((other) => byEnd(other, node) < 0);
  open.splice(before + 1, 0, node);
}

/**
 * As many pairs as there can be, both ways. Whatever ends first of all that is left takes, of those that
 * had begun by then, the one that ends next: that one has the least chance of another.
 */
export function overlappingPairs(
  left: readonly TraceNode[],
  right: readonly TraceNode[],
): Map<TraceNode, TraceNode> {
  const pairs = new Map<TraceNode, TraceNode>();
  const isRight = new Set(right);
  const ending = [...left, ...right].sort(byEnd);
  const beginning = ending.toSorted((a, b) => startMs(a) - startMs(b));
  const [openLeft, openRight]: [TraceNode[], TraceNode[]] = [[], []];
  let begun = 0;
  for (const node of ending) {
    for (let next = beginning[begun]; next && startMs(next) < node.endMs; ) {
      insertByEnd(isRight.has(next) ? openRight : openLeft, next);
      begun += 1;
      next = beginning[begun];
    }
    const [own, others] = isRight.has(node) ? [openRight, openLeft] : [openLeft, openRight];
    if (own[0] !== node) continue; // It is in a pair already.
    own.shift();
    const other = others.shift();
    if (other) pairs.set(node, other).set(other, node);
  }
  return pairs;
}
