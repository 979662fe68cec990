/** What a reader of a cost report must know besides its sums. */
import { SUM_INDEX, type SumGroup, type SumName } from "../store/cost-sums.ts";
import type { Reader } from "../store/reader.ts";
import type { GroupQuery } from "./collect-groups.ts";
import { type Dimension, isTimeUnit } from "./dimensions.ts";
import { groupThousands } from "./thousands.ts";

/** What a note is about, for programs. */
export type CostNoteKind =
  | "unpriced"
  | "approximate_price"
  | "drift"
  | "estimated"
  | "lower_bound"
  | "unknown_base"
  | "purged"
  | "lost_spans"
  | "set_aside";

/** Something to know besides the sums. */
export interface CostNote {
  /** For programs. */
  kind: CostNoteKind;
  /** One sentence. */
  text: string;
}

export interface CostNotes {
  unpricedModels: string[];
  droppedSpans: Record<string, number>;
  setAsideFiles: string[];
  notes: CostNote[];
}

/** What the notes must know of each model. */
export const MODEL_NOTE_SUMS: readonly SumName[] = [
  "unpriced",
  "approx_cost_nano_usd",
  "checked_reported_nano_usd",
  "checked_computed_nano_usd",
];

/** Reported and computed cost of the same usage may differ by this share before it is said. */
const DRIFT_SHARE = 0.05;

const DROPPED_SPANS = `SELECT reason, sum(spans) FROM exporter_health
WHERE outcome = 'dropped' GROUP BY reason ORDER BY reason`;

const SET_ASIDE_FILES = `SELECT reason FROM exporter_health
WHERE outcome = 'set_aside' ORDER BY first_at, reason`;

const PURGED_UNTIL = `SELECT max(day) FROM usage_daily
WHERE day >= strftime('%Y-%m-%d', ?1 / 1000, 'unixepoch') AND day < strftime('%Y-%m-%d', ?2 / 1000, 'unixepoch', '+1 day')`;

/** What `usage_daily` still tells apart. */
const KEPT_BY_DAY: readonly Dimension[] = [
  "model",
  "provider",
  "repo",
  "event",
  "agent",
  "day",
  "week",
  "month",
];

function sumOf(group: SumGroup, name: SumName): number {
  return group.sums[SUM_INDEX[name]] ?? 0;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** Dollars to the cent; small sums to the hundredth of a cent, or two that differ would look alike. */
function usd(nanoUsd: number): string {
  const digits = nanoUsd < 100e9 ? 4 : 2;
  const [whole = "", fraction] = (nanoUsd / 1e9).toFixed(digits).split(".");
  return `$${groupThousands(Number(whole))}.${fraction}`;
}

function count(amount: number, thing: string): string {
  return `${groupThousands(amount)} ${thing}${amount === 1 ? "" : "s"}`;
}

function modelName(group: SumGroup): string {
  return String(group.keys[0] ?? "(unknown model)");
}

function namesWith(models: readonly SumGroup[], sum: SumName): string[] {
  return models
    .filter((group) => sumOf(group, sum) > 0)
    .map(modelName)
    .sort();
}

function priceNotes(models: readonly SumGroup[], total: SumGroup): CostNote[] {
  const notes: CostNote[] = [];
  const unpriced = namesWith(models, "unpriced");
  if (unpriced.length > 0) {
    notes.push({
      kind: "unpriced",
      text: `No price is known for ${unpriced.join(", ")}: the cost of ${count(sumOf(total, "unpriced"), "use")} is not in the sums.`,
    });
  }
  const approximate = namesWith(models, "approx_cost_nano_usd");
  if (approximate.length > 0) {
    notes.push({
      kind: "approximate_price",
      text: `${approximate.join(", ")} is priced like the nearest model that has a price.`,
    });
  }
  for (const group of models) {
    const reported = sumOf(group, "checked_reported_nano_usd");
    const computed = sumOf(group, "checked_computed_nano_usd");
    const drift = Math.abs(computed - reported) / Math.max(reported, 1);
    if (drift <= DRIFT_SHARE) continue;
    notes.push({
      kind: "drift",
      text: `${modelName(group)}: reported cost ${usd(reported)} and the price list's ${usd(computed)} differ by ${percent(drift)}.`,
    });
  }
  const cost = sumOf(total, "cost_nano_usd");
  const estimated = sumOf(total, "estimated_cost_nano_usd");
  if (estimated > 0) {
    const share = percent(estimated / cost);
    notes.push({
      kind: "estimated",
      text: `${share} of the cost is computed from prices, not reported.`,
    });
  }
  return notes;
}

function qualityNotes(total: SumGroup): CostNote[] {
  const notes: CostNote[] = [];
  const lowerBound = sumOf(total, "lower_bound_runs");
  if (lowerBound > 0) {
    notes.push({
      kind: "lower_bound",
      text: `${count(lowerBound, "run")} ended without a full account: what they used is a lower bound.`,
    });
  }
  const unknownBase = sumOf(total, "unknown_base_runs");
  if (unknownBase > 0) {
    notes.push({
      kind: "unknown_base",
      text: `${count(unknownBase, "run")} went on with a session of unknown usage: only the calls that were seen are in the sums.`,
    });
  }
  return notes;
}

function purgedNotes(reader: Reader, { by, where, zone, fromMs, toMs }: GroupQuery): CostNote[] {
  const lost = by.filter((name) => !KEPT_BY_DAY.includes(name));
  const filters = where.map(([name]) => name).filter((name) => !KEPT_BY_DAY.includes(name));
  const isShifted = !zone.isUtc && by.some(isTimeUnit);
  if (lost.length + filters.length === 0 && !isShifted) return [];
  const [row] = reader.values(PURGED_UNTIL, fromMs, toMs);
  const day = row?.[0];
  if (typeof day !== "string") return [];
  const note = (text: string): CostNote => ({ kind: "purged", text });
  if (filters.length > 0) {
    return [
      note(
        `What was purged, up to ${day}, is left out: its ${filters.join(", ")} is not known any more.`,
      ),
    ];
  }
  if (lost.length === 0) return [note(`What was purged, up to ${day}, counts by the day of UTC.`)];
  return [note(`What was purged, up to ${day}, has no ${lost.join(", ")} any more.`)];
}

/** `models` are the groups by model of the same period and filters, with `MODEL_NOTE_SUMS`. */
export function costNotes(
  reader: Reader,
  query: GroupQuery,
  models: readonly SumGroup[],
  total: SumGroup,
): CostNotes {
  const dropped = reader
    .values(DROPPED_SPANS)
    .map(([reason, spans]) => [String(reason), Number(spans)] as const);
  const setAsideFiles = reader.values(SET_ASIDE_FILES).map(([file]) => String(file));
  return {
    unpricedModels: namesWith(models, "unpriced"),
    droppedSpans: Object.fromEntries(dropped),
    setAsideFiles,
    notes: [
      ...priceNotes(models, total),
      ...qualityNotes(total),
      ...purgedNotes(reader, query),
      ...dropped.map(
        ([reason, spans]): CostNote => ({
          kind: "lost_spans",
          text: `${count(spans, "span")} ${spans === 1 ? "was" : "were"} lost (${reason}): the sums are a lower bound.`,
        }),
      ),
      ...setAsideFiles.map(
        (file): CostNote => ({
          kind: "set_aside",
          text: `A damaged file was set aside as ${file}: what it holds is not in the sums.`,
        }),
      ),
    ],
  };
}
