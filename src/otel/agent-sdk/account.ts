/**
 * Keeps the running totals of one query, so that each of its results can be told what it alone
 * added. Totals of finished sessions are shared by all queries of one instrumentation, because a
 * resumed session goes on from them in a new process.
 */
import type { BoundedMap } from "../bounded-map.ts";
import { amountOf, type Fields, fieldsOf, textOf } from "../values.ts";
import {
  difference,
  isEmpty,
  type Ledger,
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
}

export function continuationOf(options: Fields | undefined): Continuation | undefined {
  const from = textOf(options?.["resume"]);
  const continues = from !== undefined || options?.["continue"] === true;
  return continues ? { from } : undefined;
}

export class Account {
  readonly #sessions: SessionTotals;
  #continuation: Continuation | undefined;
  #sessionId: string | undefined;
  #base: Totals | undefined;

  constructor(sessions: SessionTotals, continuation: Continuation | undefined) {
    this.#sessions = sessions;
    this.#continuation = continuation;
    this.#base = continuation === undefined ? NO_TOTALS : undefined;
  }

  /** The conversation was cleared: its counters start again. */
  reset(): void {
    this.#continuation = undefined;
    this.#base = NO_TOTALS;
  }

  /**
   * What a result added, or undefined where it has no account: a crash, or zeros although
   * `usageSeen` says that the model was at work.
   */
  ledgerOf(result: Fields, version: string | undefined, usageSeen: boolean): Ledger | undefined {
    const sessionId = textOf(result["session_id"]);
    const total = totalsOf(result["modelUsage"]);
    const added = totalsOf(result["model_usage_since_last_result"]);
    const known = added ?? total;
    if (known === undefined) return undefined;
    if (isCrash(result, known) || (isEmpty(known) && usageSeen)) return undefined;
    const base = this.#baseFor(sessionId, version);
    if (total !== undefined) this.#remember(sessionId, total);
    if (added !== undefined) return { entries: usageOf(added), quality: "exact" };
    if (base === undefined) return { entries: usageOf(known), quality: "unknown_base" };
    return { entries: usageOf(difference(known, base)), quality: "exact" };
  }

  #baseFor(sessionId: string | undefined, version: string | undefined): Totals | undefined {
    if (this.#continuation !== undefined) {
      if (startsFreshOnResume(version)) return NO_TOTALS;
      const { from } = this.#continuation;
      return lookUp(this.#sessions, sessionId) ?? lookUp(this.#sessions, from);
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

function lookUp(sessions: SessionTotals, id: string | undefined): Totals | undefined {
  return id === undefined ? undefined : sessions.get(id);
}

/** Claude Code up to 2.1.276 began a resumed session's totals at zero; later ones go on. */
function startsFreshOnResume(version: string | undefined): boolean {
  const [major, minor, patch] = (version ?? "").split(".").map(Number);
  if (major === undefined || minor === undefined || patch === undefined) return false;
  return major < 2 || (major === 2 && (minor < 1 || (minor === 1 && patch <= 276)));
}

/** Whether a message's `usage` counts anything. */
export function countsAnything(usage: unknown): boolean {
  return Object.values(fieldsOf(usage) ?? {}).some((value) => (amountOf(value) ?? 0) > 0);
}
