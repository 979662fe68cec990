/**
 * Who counts: settles which spans of one trace stand for its usage, and which executions are runs.
 * Pure, and over the whole trace as known so far, so that the order in which spans arrive never
 * matters.
 *
 * 1. A run's own account (`ledger`) counts, and silences all other usage beneath it. A ledger beneath
 *    a ledger is another process's account of its own, and counts beside it.
 * 2. Spans of one response count once: the deepest of them, and none where one of them is silenced.
 * 3. What stands deepest wins: a span with usage beneath it repeats that usage, so it does not count.
 *    This is also why an executor's `result` stands only where nothing beneath it does.
 * 4. The outermost execution is the run; what is beneath it, executions included, is the run's.
 * 5. `unknown_base` usage is never counted and silences nothing: it would sum a stranger's total.
 */
import type { ExecutionFacts, UsageFacts } from "./rows.ts";

/** A span of a trace, reduced to what settling looks at. */
export interface TraceNode {
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly endMs: number;
  readonly durationMs: number;
  readonly execution: ExecutionFacts | null;
  readonly usage: UsageFacts | null;
}

export interface Settlement {
  /** Ids of the spans whose usage counts. */
  readonly counted: ReadonlySet<string>;
  /** The run that each span with usage or an execution belongs to; absent: none. */
  readonly runOf: ReadonlyMap<string, TraceNode>;
  readonly runs: readonly TraceNode[];
}

/** What a span inherits from the spans above it. */
interface Place {
  readonly depth: number;
  readonly run: TraceNode | null;
  readonly underLedger: boolean;
}

const ROOT: Place = { depth: -1, run: null, underLedger: false };

function isSummable(usage: UsageFacts | null): usage is UsageFacts {
  return usage !== null && usage.quality !== "unknown_base";
}

/** What `node` passes on to its children. */
function placeBeneath(node: TraceNode, above: Place): Place {
  const outermost = node.execution !== null && !node.execution.nested ? node : null;
  return {
    depth: above.depth + 1,
    run: above.run ?? outermost,
    underLedger: above.underLedger || (isSummable(node.usage) && node.usage.scope === "ledger"),
  };
}

/** What stands above `node`; undefined where it is not known yet. */
function placeAbove(
  node: TraceNode,
  nodes: ReadonlyMap<string, TraceNode>,
  places: ReadonlyMap<string, Place>,
): Place | undefined {
  const { parentSpanId } = node;
  if (parentSpanId === null) return ROOT;
  return places.get(parentSpanId) ?? (nodes.has(parentSpanId) ? undefined : ROOT);
}

/** For each span, what it passes on. Spans may come in any order, lack parents, or form a circle. */
function locate(nodes: ReadonlyMap<string, TraceNode>): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const start of nodes.values()) {
    if (places.has(start.spanId)) continue;
    const above = placeAbove(start, nodes, places);
    if (above) places.set(start.spanId, placeBeneath(start, above));
    else locatePath(start, nodes, places);
  }
  return places;
}

/** The same for `start` and all spans above it that have no place yet. */
function locatePath(
  start: TraceNode,
  nodes: ReadonlyMap<string, TraceNode>,
  places: Map<string, Place>,
): void {
  const path = new Set<TraceNode>();
  let node: TraceNode | undefined = start;
  while (node && !places.has(node.spanId) && !path.has(node)) {
    path.add(node);
    node = node.parentSpanId === null ? undefined : nodes.get(node.parentSpanId);
  }
  let above = (node && places.get(node.spanId)) ?? ROOT;
  for (const below of [...path].reverse()) {
    above = placeBeneath(below, above);
    places.set(below.spanId, above);
  }
}

/** Whether the usage of `node` is silenced by a ledger strictly above it. */
function isSilenced(
  node: TraceNode,
  nodes: ReadonlyMap<string, TraceNode>,
  places: ReadonlyMap<string, Place>,
): boolean {
  if (node.usage?.scope === "ledger" || node.parentSpanId === null) return false;
  return nodes.has(node.parentSpanId) && places.get(node.parentSpanId)?.underLedger === true;
}

function totalTokens(usage: UsageFacts): number {
  let total = 0;
  for (const model of usage.models) {
    total += (model.inputTokens ?? 0) + (model.outputTokens ?? 0) + (model.cacheReadTokens ?? 0);
    total += model.cacheCreationTokens ?? 0;
  }
  return total;
}

function reportsCost(usage: UsageFacts): boolean {
  return usage.models.some((model) => model.reportedCostNanoUsd !== null);
}

/** Whether `a` stands for a response better than `b`: deeper, then priced, then fuller, then by id. */
function outranks(a: TraceNode, b: TraceNode, places: ReadonlyMap<string, Place>): boolean {
  const depth = (places.get(a.spanId)?.depth ?? 0) - (places.get(b.spanId)?.depth ?? 0);
  if (depth !== 0) return depth > 0;
  if (!a.usage || !b.usage) return a.usage !== null;
  if (reportsCost(a.usage) !== reportsCost(b.usage)) return reportsCost(a.usage);
  const tokens = totalTokens(a.usage) - totalTokens(b.usage);
  return tokens === 0 ? a.spanId < b.spanId : tokens > 0;
}

/** The one span that stands for each response; null where a ledger already accounts for it. */
function responseWinners(
  users: readonly TraceNode[],
  nodes: ReadonlyMap<string, TraceNode>,
  places: ReadonlyMap<string, Place>,
): Map<string, TraceNode | null> {
  const winners = new Map<string, TraceNode | null>();
  for (const node of users) {
    const responseId = node.usage?.responseId;
    if (!responseId) continue;
    const best = winners.get(responseId);
    if (best === null) continue;
    if (isSilenced(node, nodes, places)) winners.set(responseId, null);
    else if (!best || outranks(node, best, places)) winners.set(responseId, node);
  }
  return winners;
}

/** Ids of the spans that have summable usage somewhere beneath them. */
function spansAboveUsage(
  users: readonly TraceNode[],
  nodes: ReadonlyMap<string, TraceNode>,
): Set<string> {
  const above = new Set<string>();
  for (const user of users) {
    let id = user.parentSpanId;
    while (id !== null && id !== user.spanId && !above.has(id)) {
      above.add(id);
      id = nodes.get(id)?.parentSpanId ?? null;
    }
  }
  return above;
}

function isCounted(
  node: TraceNode,
  nodes: ReadonlyMap<string, TraceNode>,
  places: ReadonlyMap<string, Place>,
  above: ReadonlySet<string>,
  winners: ReadonlyMap<string, TraceNode | null>,
): boolean {
  if (node.usage?.scope === "ledger") return true;
  if (above.has(node.spanId) || isSilenced(node, nodes, places)) return false;
  const responseId = node.usage?.responseId;
  return !responseId || winners.get(responseId) === node;
}

/** Settles a trace from all of its spans that are known. */
export function settle(nodes: ReadonlyMap<string, TraceNode>): Settlement {
  const places = locate(nodes);
  const users: TraceNode[] = [];
  const runs: TraceNode[] = [];
  const runOf = new Map<string, TraceNode>();
  for (const node of nodes.values()) {
    if (node.usage === null && node.execution === null) continue;
    const run = places.get(node.spanId)?.run;
    if (run) runOf.set(node.spanId, run);
    if (run === node) runs.push(node);
    if (isSummable(node.usage)) users.push(node);
  }
  const above = spansAboveUsage(users, nodes);
  const winners = responseWinners(users, nodes, places);
  const counted = new Set<string>();
  for (const node of users) {
    if (isCounted(node, nodes, places, above, winners)) counted.add(node.spanId);
  }
  return { counted, runOf, runs };
}
