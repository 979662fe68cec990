/** What a model call used, as a price is put on it. Tokens are whole and at least 0. */
export interface PricedUsage {
  provider: string | null;
  model: string | null;
  /** Uncached input. */
  inputTokens: number;
  cacheReadTokens: number;
  /** All cache writes; those not known to be kept for an hour are priced as kept for five minutes. */
  cacheCreationTokens: number;
  cacheCreation1hTokens: number;
  outputTokens: number;
  webSearchRequests: number;
  /** False for a sum over calls, which says nothing of how long the context of each was. */
  singleCall: boolean;
}

/**
 * `exact`: the price of this very model. `approx`: of the model that its name looks most like, or one
 * that leaves something out. `override`: the user's own.
 */
export type PriceMatch = "exact" | "approx" | "override";

export interface Price {
  costNanoUsd: number;
  match: PriceMatch;
}

/** Knows what models cost. Null means unknown, which is not the same as free. */
export interface PriceSource {
  price(usage: PricedUsage, at: Date): Price | null;
}
