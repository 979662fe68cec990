/** Calls that an instrumentation tells of outside of any other span, and what a file says of them. */
import { expect } from "bun:test";
import type { SpanRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { ledger } from "./ledger.ts";
import { hexId, modelUsage, NOW_MS, type SpanRowChanges, spanRow, usage } from "./span-rows.ts";
import { query } from "./stores.ts";

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

/** OpenLLMetry's span of a stream, and the SDK's own. */
export const around: SpanRow = loneCall("around", "@traceloop/instrumentation-anthropic", {
  at: [-1002, 0],
});
export const own: SpanRow = loneCall("own", "com.anthropic.sdk.typescript", {
  responseId: "msg_1",
  at: [-1000, 1],
});
/** What comes beneath the call of `trace`. */
export function beneath(trace: string): SpanRow {
  return spanRow({ trace, span: `below ${trace}`, parent: "span" });
}

const DAY_MS = 86_400_000;
export const RETENTION_DAYS = 90;
/** So long before now is what is purged. */
export const OLD_MS: number = (RETENTION_DAYS + 10) * DAY_MS;

export function maintain(store: Store, nowMs: number): void {
  const maintainer = store.maintainer({ retentionMs: RETENTION_DAYS * DAY_MS, maxDbBytes: 0 });
  for (let steps = 0; maintainer.step(nowMs).didWork; steps++) {
    if (steps > 10_000) throw new Error("maintenance never ends");
  }
}

/** How often a call counts, in the rows and on purged days; what it cost says the same. */
export function uses(path: string): number {
  const [{ live, purged }] = query(
    path,
    `SELECT (SELECT count(*) FROM usage_rows WHERE counted) AS live,
       (SELECT coalesce(sum(uses), 0) FROM usage_daily) AS purged`,
  ) as [{ live: number; purged: number }];
  const lines = ledger(path);
  for (const line of lines) expect(line.cost_nano_usd).toBeGreaterThanOrEqual(0);
  const cost = lines.reduce((sum, line) => sum + line.cost_nano_usd, 0);
  expect(cost).toBe((live + purged) * COST_NANO_USD);
  for (const { n } of query<{ n: number }>(
    path,
    "SELECT min(uses, cost_nano_usd) AS n FROM usage_daily",
  ))
    expect(n).toBeGreaterThan(0);
  return live + purged;
}

/** The traces that count, of those given. */
export function counted(path: string, ...traces: string[]): string[] {
  const rows = query<{ trace_id: string }>(path, "SELECT trace_id FROM model_usage WHERE counted");
  const ids = new Set(rows.map((row) => row.trace_id));
  return traces.filter((trace) => ids.has(hexId(`t${trace}`, 32)));
}
