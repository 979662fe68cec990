/**
 * Who counts: settles which spans of one trace stand for its usage, and which executions are runs.
 * Pure, and over the whole trace as known so far, so that the order in which spans arrive never
 * matters.
 *
 * 1. A run's own account (`ledger`) counts, and silences all other usage beneath it. A ledger beneath
 *    a ledger is another process's account of its own, and counts beside it.
 * 2. Spans of one call count once: the deepest of them, and none where one of them is silenced. They are
 *    those that name one response, and those that are alike beside each other (sibling-calls.ts).
 * 3. What stands deepest wins: a span with usage beneath it repeats that usage, so it does not count.
 *    This is also why an executor's `result` stands only where nothing beneath it does.
 * 4. The outermost execution is the run; what is beneath it, executions included, is the run's.
 * 5. `unknown_base` usage is never counted and silences nothing: it would sum a stranger's total.
 * 6. A trace that is one call alone does not count while another such trace tells of the same call and
 *    counts for it (twin-calls.ts). Nothing else of another trace matters.
 */
import { loneCallOf } from "./lone-call.ts";
import type { ExecutionFacts, UsageFacts } from "./rows.ts";
import { type Call, siblingCalls } from "./sibling-calls.ts";
import { compareUsage } from "./usage-rank.ts";

/** A span of a trace, reduced to what settling looks at. */
export interface TraceNode {
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly endMs: number;
  readonly durationMs: number;
  /** The name of the instrumentation that tells of a call; null: unknown, or the span tells of none. */
  readonly scopeName: string | null;
  readonly execution: ExecutionFacts | null;
  readonly usage: UsageFacts | null;
  /** Whether a span of another trace counts for the call. It matters only while this one is a lone call. */
  readonly twinCounts?: boolean;
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

/** A trace, and what is known of where its usage stands. */
interface Standing {
  readonly nodes: ReadonlyMap<string, TraceNode>;
  readonly places: ReadonlyMap<string, Place>;
  /** Ids of the spans that have summable usage somewhere beneath them. */
  readonly aboveUsage: ReadonlySet<string>;
  /** The calls that spans tell of which name no response. */
  readonly siblingCalls: ReadonlyMap<TraceNode, Call>;
}

/** Whether the usage of `node` is silenced by a ledger strictly above it. */
function isSilenced(node: TraceNode, { nodes, places }: Standing): boolean {
  if (node.usage?.scope === "ledger" || node.parentSpanId === null) return false;
  return nodes.has(node.parentSpanId) && places.get(node.parentSpanId)?.underLedger === true;
}

/**
 * Whether `a` stands for a call better than `b`: deeper, then by its usage, then by id. Of two at one
 * depth, one with usage beneath it wins, and so neither counts: both repeat that usage.
 */
function outranks(a: TraceNode, b: TraceNode, { places, aboveUsage }: Standing): boolean {
  const depth = (places.get(a.spanId)?.depth ?? 0) - (places.get(b.spanId)?.depth ?? 0);
  if (depth !== 0) return depth > 0;
  const repeats = Number(aboveUsage.has(a.spanId)) - Number(aboveUsage.has(b.spanId));
  if (repeats !== 0) return repeats > 0;
  if (!a.usage || !b.usage) return a.usage !== null;
  const usage = compareUsage(a.usage, b.usage);
  return usage === 0 ? a.spanId < b.spanId : usage > 0;
}

function callOf(node: TraceNode, { siblingCalls }: Standing): Call | null {
  return siblingCalls.get(node) ?? (node.usage?.responseId || null);
}

/** The one span that stands for each call; null where a ledger already accounts for it. */
function callWinners(users: readonly TraceNode[], standing: Standing): Map<Call, TraceNode | null> {
  const winners = new Map<Call, TraceNode | null>();
  for (const node of users) {
    const call = callOf(node, standing);
    if (call === null) continue;
    const best = winners.get(call);
    if (best === null) continue;
    if (isSilenced(node, standing)) winners.set(call, null);
    else if (!best || outranks(node, best, standing)) winners.set(call, node);
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
  standing: Standing,
  winners: ReadonlyMap<Call, TraceNode | null>,
): boolean {
  if (node.usage?.scope === "ledger") return true;
  if (standing.aboveUsage.has(node.spanId) || isSilenced(node, standing)) return false;
  const call = callOf(node, standing);
  return call === null || winners.get(call) === node;
}

/** Settles a trace from all of its spans that are known. */
export function settle(nodes: ReadonlyMap<string, TraceNode>): Settlement {
  if (loneCallOf(nodes)?.twinCounts) return { counted: new Set(), runOf: new Map(), runs: [] };
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
  const aboveUsage = spansAboveUsage(users, nodes);
  const standing = { nodes, places, aboveUsage, siblingCalls: siblingCalls(users) };
  const winners = callWinners(users, standing);
  const counted = new Set<string>();
  for (const node of users) {
    if (isCounted(node, standing, winners)) counted.add(node.spanId);
  }
  return { counted, runOf, runs };
}
