/**
 * What two spans of one call have in common, whichever instrumentations made them: one model, the same
 * input and the same output.
 */
import type { ModelUsageFacts, UsageFacts } from "./rows.ts";
import type { TraceNode } from "./settle.ts";

/** The date of a version at the end of a model's name, which an instrumentation may leave out. */
const DATE = /[-@](\d{8}|\d{4}-\d{2}-\d{2})$/;

/** The only model of a call, where it is named and its input is known. */
function onlyModel(usage: UsageFacts | null): ModelUsageFacts | null {
  const [model, another] = usage?.models ?? [];
  return model?.model && !another && wholeInput(model) > 0 ? model : null;
}

/** Whether another instrumentation's span can be known to tell of the same call. */
export function isComparable({ scopeName, usage }: TraceNode): boolean {
  return scopeName !== null && onlyModel(usage) !== null;
}

/** The same for spans that may tell of one call; null where no other span can tell of it. */
export function likenessOf(node: TraceNode): string | null {
  const model = isComparable(node) ? onlyModel(node.usage) : null;
  if (!model?.model) return null;
  return `${wholeInput(model)} ${model.outputTokens} ${model.model.replace(DATE, "")}`;
}

/** What of it was cached one of two may not know, but both know how much was sent; 0 where that is unknown. */
function wholeInput(model: ModelUsageFacts): number {
  const { inputTokens, cacheReadTokens, cacheCreationTokens } = model;
  if (inputTokens === null) return 0;
  return inputTokens + (cacheReadTokens ?? 0) + (cacheCreationTokens ?? 0);
}

/** Apart those of two versions. A name without a date is any version's, unless there are several. */
export function byModel<Node extends TraceNode>(alike: readonly Node[]): Iterable<Node[]> {
  const byName = Map.groupBy(alike, ({ usage }) => usage?.models[0]?.model ?? "");
  const versions = [...byName.keys()].filter((name) => DATE.test(name));
  return versions.length > 1 ? byName.values() : [[...alike]];
}

/** Two spans of one instrumentation tell of two calls: where there is only one, none is told twice. */
export function haveTwoScopes(nodes: Iterable<TraceNode>): boolean {
  let first: string | null = null;
  for (const { scopeName } of nodes) {
    first ??= scopeName;
    if (scopeName !== null && scopeName !== first) return true;
  }
  return false;
}
