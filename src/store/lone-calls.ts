/**
 * The lone calls that were written of late, so that the other span of a call is found in another trace.
 * What stands in the file is asked each time: of a call that is not alone any more, or of which a
 * transaction that failed has left nothing, it is no matter that it is still here. One that is forgotten
 * stays as it is counted.
 */
import { haveTwoScopes, likenessOf } from "./likeness.ts";
import { loneCallOf } from "./lone-call.ts";
import { overlappingChains } from "./overlapping-pairs.ts";
import type { TraceNode } from "./settle.ts";
import { countsFor, type LoneCall, twinCalls } from "./twin-calls.ts";

/** The two spans of a call end together, and so come in one batch or in the next. */
const MAX_CALLS = 1000;
const MAX_AGE_MS = 600_000;

/** A call as it was written. */
interface KnownCall extends TraceNode {
  readonly traceId: string;
  readonly resource: string;
  readonly likeness: string;
  readonly arrivedMs: number;
  twin: KnownCall | null;
}

/** A trace as it is by now: its spans, and whether it was purged. */
export interface FoundTrace {
  readonly nodes: ReadonlyMap<string, TraceNode>;
  readonly isPurged: boolean;
}

type FoundCall = LoneCall & { readonly known: KnownCall };

export class LoneCalls {
  /** The oldest first. */
  readonly #byTrace = new Map<string, KnownCall>();
  #scopeName: string | null = null;
  /** Almost no host has calls of two instrumentations, and then nothing more is looked at. */
  #hasTwoScopes = false;
  /** What was last settled, until it is certain to be in the file. */
  readonly #settled = new Map<KnownCall, KnownCall | null>();

  /** The span of a trace that is a lone call as far as it is written. */
  add(traceId: string, node: TraceNode, resource: string, nowMs: number): void {
    const likeness = likenessOf(node);
    if (likeness === null || this.#byTrace.has(traceId)) return;
    const spanId = traceId + node.spanId;
    const call = { ...node, spanId, traceId, resource, likeness, arrivedMs: nowMs, twin: null };
    this.#byTrace.set(traceId, call);
    this.#scopeName ??= call.scopeName;
    this.#hasTwoScopes ||= call.scopeName !== this.#scopeName;
  }

  /**
   * Finds the twins of the lone calls in those traces that were written to, and of all that are alike and
   * of the same time.
   * @returns the traces in which it is no longer as the file has it whether the twin counts, and whether it does.
   */
  settle(
    traceIds: Iterable<string>,
    find: (traceId: string) => FoundTrace,
  ): ReadonlyMap<string, boolean> {
    const changed = new Map<string, boolean>();
    this.#settled.clear();
    if (!this.#hasTwoScopes) return changed;
    for (const calls of this.#chainsWith(traceIds)) {
      for (const call of calls) this.#settled.set(call, null);
      const found = calls.flatMap((known) => foundCall(known, find(known.traceId)));
      const twins = twinCalls(found);
      for (const call of found) {
        const twin = twins.get(call);
        if (twin) this.#settled.set(call.known, twin.known);
        const twinCounts = twin !== undefined && countsFor(twin, call);
        const isChanged = twinCounts !== (call.twinCounts ?? false);
        if (isChanged && !call.isPurged) changed.set(call.known.traceId, twinCounts);
      }
    }
    return changed;
  }

  /** All that may be in a pair with one of `traceIds`, directly or through others. */
  *#chainsWith(traceIds: Iterable<string>): Generator<KnownCall[]> {
    const touched = new Set<KnownCall>();
    for (const traceId of traceIds) {
      const call = this.#byTrace.get(traceId);
      if (call) touched.add(call);
    }
    const likenesses = new Set([...touched].map((call) => call.likeness));
    const all = [...this.#byTrace.values()].filter((call) => likenesses.has(call.likeness));
    for (const alike of Map.groupBy(all, (call) => call.likeness).values()) {
      if (!haveTwoScopes(alike)) continue;
      for (const chain of overlappingChains(alike)) {
        if (haveTwoScopes(chain) && chain.some((call) => touched.has(call))) yield chain;
      }
    }
  }

  /** Called once what was settled is committed. Then the oldest calls may go. */
  commit(nowMs: number): void {
    for (const [call, twin] of this.#settled) call.twin = twin;
    this.#settled.clear();
    for (const call of this.#byTrace.values()) {
      if (this.#byTrace.size <= MAX_CALLS && nowMs - call.arrivedMs <= MAX_AGE_MS) return;
      this.#byTrace.delete(call.traceId);
      // Without the other it would be as one that has none.
      if (call.twin) this.#byTrace.delete(call.twin.traceId);
    }
  }
}

/** None where its trace is no lone call by now, or is not there. */
function foundCall(known: KnownCall, { nodes, isPurged }: FoundTrace): FoundCall[] {
  const lone = loneCallOf(nodes);
  if (!lone || known.spanId !== known.traceId + lone.spanId) return [];
  return [{ ...known, twinCounts: lone.twinCounts ?? false, isPurged, known }];
}
