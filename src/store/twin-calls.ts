/**
 * Two instrumentations of one client may make the two spans of a call outside of any other span. Each is
 * then a trace of its own, and nothing ties the two together: OpenLLMetry's around `messages.stream()`,
 * and the Anthropic SDK's own. They are one call where they are alike (likeness.ts), of one resource and
 * of one time, made by two instrumentations, which do not name two responses.
 *
 * A span has one twin at most, and spans of one instrumentation have none: calls that are made at once,
 * and alike, stay as many as they are. Pure, and over all of the calls that are alike and of one time, so
 * that the order in which they arrive never matters.
 */
import { byModel, haveTwoScopes } from "./likeness.ts";
import { byEnd, overlap, overlappingChains } from "./overlapping-pairs.ts";
import type { TraceNode } from "./settle.ts";
import { compareUsage } from "./usage-rank.ts";

/** A lone call as it stands in the file. Its `spanId` begins with its trace's, or it would not be unique. */
export interface LoneCall extends TraceNode {
  /** Of the process that made the span. */
  readonly resource: string;
  /** Whether its trace was purged: what it was counted for stays. */
  readonly isPurged: boolean;
}

/** Of calls that are alike, which tells of the same call as which, both ways. */
export function twinCalls<Call extends LoneCall>(alike: readonly Call[]): Map<Call, Call> {
  const twins = new Map<Call, Call>();
  for (const ofProcess of Map.groupBy(alike, ({ resource }) => resource).values()) {
    for (const atOnce of overlappingChains(ofProcess)) {
      for (const calls of byModel(atOnce)) if (haveTwoScopes(calls)) addTwins(calls, twins);
    }
  }
  return twins;
}

/** Purged as one that did not count: whatever it is paired with counts for it. */
function isSilent({ isPurged, twinCounts }: LoneCall): boolean {
  return isPurged && twinCounts === true;
}

function mayBeTwins(a: LoneCall, b: LoneCall): boolean {
  if (a.scopeName === b.scopeName) return false;
  // Of two that can no longer change, one counts and one does not.
  if (a.isPurged && b.isPurged && isSilent(a) === isSilent(b)) return false;
  const [one, other] = [a.usage?.responseId, b.usage?.responseId];
  return (!one || !other || one === other) && overlap(a, b);
}

/** As many pairs as there can be, or their number would depend on who arrived first. */
function addTwins<Call extends LoneCall>(calls: readonly Call[], twins: Map<Call, Call>): void {
  // Those that are silent have twins that count for them, and must not count for yet another.
  const inOrder = calls.toSorted(
    (a, b) => Number(isSilent(b)) - Number(isSilent(a)) || byEnd(a, b),
  );
  const hopeless = new Set<Call>();
  for (const call of inOrder) {
    if (twins.has(call)) continue;
    const seen = new Set(hopeless);
    if (!findTwin(call, inOrder, twins, seen)) for (const each of seen) hopeless.add(each);
  }
}

/** Pairs `call` with one that has no twin or, failing that, with one whose twin finds another. */
function findTwin<Call extends LoneCall>(
  call: Call,
  calls: readonly Call[],
  twins: Map<Call, Call>,
  seen: Set<Call>,
): boolean {
  seen.add(call);
  const others = calls.filter((other) => !seen.has(other) && mayBeTwins(call, other));
  let twin = others.find((other) => !twins.has(other));
  twin ??= others.find((other) => {
    const former = twins.get(other);
    if (!former || seen.has(other) || seen.has(former)) return false;
    seen.add(other);
    return findTwin(former, calls, twins, seen);
  });
  if (twin) twins.set(call, twin).set(twin, call);
  return twin !== undefined;
}

/** Whether `twin` counts for a call that `call`, whose trace is still there, tells of too. */
export function countsFor(twin: LoneCall, call: LoneCall): boolean {
  if (twin.isPurged) return twin.twinCounts !== true;
  if (!twin.usage || !call.usage) return false;
  const usage = compareUsage(twin.usage, call.usage);
  return usage === 0 ? twin.spanId < call.spanId : usage > 0;
}
