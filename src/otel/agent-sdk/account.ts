/**
 * Keeps the running totals of one query, so that each of its results can be told what it alone
 * added. Totals of finished sessions are shared by all queries of one instrumentation, because a
 * resumed session goes on from them in a new process.
 */
import type { BoundedMap } from "../bounded-map.ts";
import type { ModelUsage } from "../execution.ts";
import { type Fields, nanoUsdOf, textOf } from "../values.ts";
import type { Seen } from "./chat-spans.ts";
import {
  difference,
  isEmpty,
  type Ledger,
  mainLoopTotals,
  NO_TOTALS,
  type Totals,
  totalsOf,
  usageOf,
} from "./ledger.ts";
import { isCrash } from "./result.ts";

/** The last totals seen of each session, by its id. */
export type SessionTotals = BoundedMap<string, Totals>;

/** How a query continues an older session, from its options. */
export interface Continuation {
  /** The session named in `resume`. */
  from: string | undefined;
  /** Whether it goes on from the session's end: anywhere else, nobody knows the total. */
  fromEnd: boolean;
}

interface RunningCost {
  sessionId: string | undefined;
  nanoUsd: number;
}

const NO_COST: RunningCost = { sessionId: undefined, nanoUsd: 0 };

export function continuationOf(options: Fields | undefined): Continuation | undefined {
  const from = textOf(options?.["resume"]);
  if (from === undefined && options?.["continue"] !== true) return undefined;
  return { from, fromEnd: options?.["resumeSessionAt"] === undefined };
}

export class Account {
  readonly #sessions: SessionTotals;
  #continuation: Continuation | undefined;
  #sessionId: string | undefined;
  #base: Totals | undefined;
  /** The last `total_cost_usd`, for results without `modelUsage`. */
  #cost: RunningCost = NO_COST;

  constructor(sessions: SessionTotals, continuation: Continuation | undefined) {
    this.#sessions = sessions;
    this.#continuation = continuation;
    // What a resumed session was when the query began: others may resume it at the same time.
    this.#base = continuation === undefined ? NO_TOTALS : lookUp(sessions, continuation.from);
  }

  /** The conversation was cleared: its counters start again. */
  reset(): void {
    this.#continuation = undefined;
    this.#base = NO_TOTALS;
    this.#cost = NO_COST;
  }

  /**
   * What a result added, or undefined where it has no account: a crash, or zeros although tokens
   * were seen to be used.
   */
  ledgerOf(result: Fields, version: string | undefined, seen: Seen): Ledger | undefined {
    const sessionId = textOf(result["session_id"]);
    const total = totalsOf(result["modelUsage"]);
    const added = totalsOf(result["model_usage_since_last_result"]);
    const known = added ?? total;
    const addedNanoUsd = this.#costAdded(result, sessionId);
    if (known === undefined) return this.#mainLoopLedger(result, addedNanoUsd, seen);
    if (isCrash(result, total ?? known)) return undefined;
    const base = added === undefined ? this.#baseFor(sessionId, version) : NO_TOTALS;
    const entries = usageOf(difference(known, base ?? NO_TOTALS));
    if (entries.length === 0 && seen.usage) return undefined;
    if (total !== undefined && !isEmpty(total)) this.#remember(sessionId, total);
    const quality = base === undefined ? "unknown_base" : "exact";
    return { entries, quality, model: mainModel(entries, known, seen.model) };
  }

  /** For a result without `modelUsage`: its `usage` leaves out subagents, so it is a lower bound. */
  #mainLoopLedger(
    result: Fields,
    addedNanoUsd: number | undefined,
    seen: Seen,
  ): Ledger | undefined {
    const addedUsd = addedNanoUsd === undefined ? undefined : addedNanoUsd / 1e9;
    const totals = mainLoopTotals({ ...result, total_cost_usd: addedUsd }, seen.model ?? "");
    if (totals === undefined || isEmpty(totals)) return undefined;
    const continued = this.#continuation !== undefined;
    this.#continuation = undefined;
    const quality = continued ? "unknown_base" : "lower_bound";
    return { entries: usageOf(totals), quality, model: seen.model };
  }

  /** What the session's total cost grew by; a total that fell has been reset and stands alone. */
  #costAdded(result: Fields, sessionId: string | undefined): number | undefined {
    const nanoUsd = nanoUsdOf(result["total_cost_usd"]);
    if (nanoUsd === undefined) return undefined;
    const before = sessionId === this.#cost.sessionId ? this.#cost.nanoUsd : 0;
    // Zeros of a crash take nothing back.
    if (nanoUsd > 0) this.#cost = { sessionId, nanoUsd };
    return nanoUsd < before ? nanoUsd : nanoUsd - before;
  }

  #baseFor(sessionId: string | undefined, version: string | undefined): Totals | undefined {
    if (this.#continuation !== undefined) {
      if (startsFreshOnResume(version)) return NO_TOTALS;
      if (!this.#continuation.fromEnd) return undefined;
      return this.#base ?? lookUp(this.#sessions, sessionId);
    }
    return sessionId === this.#sessionId ? this.#base : NO_TOTALS;
  }

  #remember(sessionId: string | undefined, total: Totals): void {
    this.#continuation = undefined;
    this.#sessionId = sessionId;
    this.#base = total;
    if (sessionId !== undefined) this.#sessions.set(sessionId, total);
  }
}

function mainModel(
  entries: readonly ModelUsage[],
  known: Totals,
  seen: string | undefined,
): string | undefined {
  if (entries.length < 2) return entries[0]?.model;
  return seen === undefined ? undefined : (known.get(seen)?.model ?? seen);
}

function lookUp(sessions: SessionTotals, id: string | undefined): Totals | undefined {
  return id === undefined ? undefined : sessions.get(id);
}

/** Claude Code up to 2.1.276 began a resumed session's totals at zero; later ones go on. */
function startsFreshOnResume(version: string | undefined): boolean {
  const [major, minor, patch] = (version ?? "").split(".").map(Number);
  if (major === undefined || minor === undefined || patch === undefined) return false;
  return major < 2 || (major === 2 && (minor < 1 || (minor === 1 && patch <= 276)));
}
