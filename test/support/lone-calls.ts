/** Calls that an instrumentation tells of outside of any other span. */
import type { SpanRow } from "../../src/store/rows.ts";
import { modelUsage, NOW_MS, type SpanRowChanges, spanRow, usage } from "./span-rows.ts";

export const COST_NANO_USD = 105_000;

export interface LoneCallChanges extends SpanRowChanges {
  /** In milliseconds from `NOW_MS`. @default [-1000, 0] */
  at?: readonly [number, number];
  responseId?: string;
  models?: Parameters<typeof modelUsage>[0];
}

/** The only span of the trace `trace`, by the instrumentation `scopeName`. */
export function loneCall(
  trace: string,
  scopeName: string,
  { at: [fromMs, toMs] = [-1000, 0], responseId, models, ...changes }: LoneCallChanges = {},
): SpanRow {
  const startMs = NOW_MS + fromMs;
  const cost = { computedCostNanoUsd: COST_NANO_USD, ...models };
  return spanRow({
    trace,
    name: "chat",
    scope: JSON.stringify({ name: scopeName }),
    startS: Math.floor(startMs / 1000),
    startNs: (startMs - Math.floor(startMs / 1000) * 1000) * 1e6,
    durationNs: (toMs - fromMs) * 1e6,
    usage: usage({ responseId: responseId ?? null, models: [modelUsage(cost)] }),
    ...changes,
  });
}
