/**
 * Two instrumentations of one client may open their spans beside each other, and where not both name
 * the response, no id says that they tell of one call: OpenLLMetry's around `messages.stream()`, and the
 * Anthropic SDK's own. What says so is that they are alike: leaves beneath one parent, made by two
 * instrumentations, of one model, the same input and the same output, at one time.
 *
 * A span tells of one call, and two spans of one instrumentation tell of two: calls that are made at
 * once, and alike, stay as many as they are.
 */
import { byEnd, overlappingPairs } from "./overlapping-pairs.ts";
import type { ModelUsageFacts } from "./rows.ts";
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
  for (const [likeness, alike] of Map.groupBy(users, likenessOf)) {
    if (likeness === null || !haveTwoScopes(alike)) continue;
    for (const spans of byModel(alike)) addCalls(spans.toSorted(byEnd), calls);
  }
  return calls;
}

function haveTwoScopes(users: readonly TraceNode[]): boolean {
  let first: string | null = null;
  for (const { scopeName } of users) {
    first ??= scopeName;
    if (scopeName !== null && scopeName !== first) return true;
  }
  return false;
}

/** The date of a version at the end of a model's name, which an instrumentation may leave out. */
const DATE = /[-@](\d{8}|\d{4}-\d{2}-\d{2})$/;

/** The same for spans that may tell of one call; null where no other span can tell of it. */
function likenessOf({ parentSpanId, scopeName, usage }: TraceNode): string | null {
  const [model, another] = usage?.models ?? [];
  if (parentSpanId === null || scopeName === null || !model?.model || another) return null;
  const input = wholeInput(model);
  if (input === 0) return null;
  return `${parentSpanId} ${input} ${model.outputTokens} ${model.model.replace(DATE, "")}`;
}

/** What of it was cached one of two may not know, but both know how much was sent; 0 where that is unknown. */
function wholeInput(model: ModelUsageFacts): number {
  const { inputTokens, cacheReadTokens, cacheCreationTokens } = model;
  if (inputTokens === null) return 0;
  return inputTokens + (cacheReadTokens ?? 0) + (cacheCreationTokens ?? 0);
}

/** A name without a date is any version's, unless there are several. */
function byModel(alike: readonly TraceNode[]): Iterable<TraceNode[]> {
  const byName = Map.groupBy(alike, ({ usage }) => usage?.models[0]?.model ?? "");
  const versions = [...byName.keys()].filter((name) => DATE.test(name));
  return versions.length > 1 ? byName.values() : [[...alike]];
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
