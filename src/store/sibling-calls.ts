/**
 * Two instrumentations of one client may open their spans beside each other, and where not both name
 * the response, no id says that they tell of one call: OpenLLMetry's around `messages.stream()`, and the
 * Anthropic SDK's own. What says so is that they are alike: leaves beneath one parent, made by two
 * instrumentations, of one model, the same input and the same output, at one time.
 *
 * A span tells of one call, and two spans of one instrumentation tell of two: calls that are made at
 * once, and alike, stay as many as they are.
 */
import { byModel, haveTwoScopes, likenessOf } from "./likeness.ts";
import { byEnd, overlappingPairs } from "./overlapping-pairs.ts";
import type { TraceNode } from "./settle.ts";

/** One call of a model: the id of its response or, where none is named, one of its spans. */
export type Call = string | TraceNode;

interface SeenCall {
  readonly call: Call;
  /** One of its spans, whose time is the call's. */
  readonly node: TraceNode;
  /** The instrumentations that name its response: another span of theirs tells of another call. */
  readonly namedBy: ReadonlySet<string | null>;
}

/** The calls of those spans that name no response, as far as other spans may tell of them too. */
export function siblingCalls(users: readonly TraceNode[]): Map<TraceNode, Call> {
  const calls = new Map<TraceNode, Call>();
  // Almost no trace has two, and then nothing needs a closer look.
  if (!haveTwoScopes(users)) return calls;
  for (const [likeness, alike] of Map.groupBy(users, siblingLikeness)) {
    if (likeness === null || !haveTwoScopes(alike)) continue;
    for (const spans of byModel(alike)) addCalls(spans.toSorted(byEnd), calls);
  }
  return calls;
}

/** The same for spans beneath one parent that may tell of one call. */
function siblingLikeness(node: TraceNode): string | null {
  const likeness = node.parentSpanId === null ? null : likenessOf(node);
  return likeness === null ? null : `${node.parentSpanId} ${likeness}`;
}

/** Instrumentation by instrumentation: a span tells of a call that others have told of, or of a new one. */
function addCalls(spans: readonly TraceNode[], calls: Map<TraceNode, Call>): void {
  const byResponse = Map.groupBy(spans, ({ usage }) => usage?.responseId || null);
  const seen: SeenCall[] = [];
  for (const [call, named] of byResponse) {
    const [node] = named;
    const namedBy = new Set(named.map(({ scopeName }) => scopeName));
    if (call !== null && node) seen.push({ call, node, namedBy });
  }
  const nameless = byResponse.get(null) ?? [];
  for (const [scopeName, nodes] of Map.groupBy(nameless, (node) => node.scopeName)) {
    const others = seen.filter(({ namedBy }) => !namedBy.has(scopeName));
    const callOf = new Map(others.map(({ node, call }) => [node, call]));
    const pairs = overlappingPairs(nodes, [...callOf.keys()]);
    for (const node of nodes) {
      const other = pairs.get(node);
      const call = (other && callOf.get(other)) ?? node;
      calls.set(node, call);
      if (call === node) seen.push({ call, node, namedBy: new Set() });
    }
  }
}
