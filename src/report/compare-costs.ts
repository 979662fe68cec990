import type { Reader } from "../store/reader.ts";
import type { CostGroup } from "./cost-group.ts";
import { type CostQuery, type CostReport, costReport } from "./cost-report.ts";
import { isTimeUnit } from "./dimensions.ts";

/** One group in both periods; null where it is only in the other one. */
export interface ComparedGroup {
  key: CostGroup["key"];
  current: CostGroup | null;
  previous: CostGroup | null;
}

/** What `compareCosts` answers. */
export interface CostComparison {
  /** In the order of the current report, then what was only before. */
  groups: ComparedGroup[];
  current: CostReport;
  previous: CostReport;
}

/** As for `costReport`, with both ends of the period. */
export interface ComparisonQuery extends Omit<CostQuery, "since" | "until" | "top"> {
  since: Date;
  until: Date;
  /** How far before the period the other one begins, in ms; both are of one length. */
  shiftMs: number;
}

/**
 * What was spent in a period, against the same length of time `shiftMs` before.
 * @throws {RangeError} as `costReport`, and for a grouping by time, which two periods do not share.
 */
export function compareCosts(reader: Reader, query: ComparisonQuery): CostComparison {
  const { shiftMs, ...rest } = query;
  const time = query.by?.find(isTimeUnit);
  if (time) throw new RangeError(`compareCosts: two periods have no ${time} in common.`);
  const before = (date: Date): Date => new Date(date.getTime() - shiftMs);
  const shifted = { ...rest, since: before(query.since), until: before(query.until) };
  const [current, previous] = reader.snapshot(() => [
    costReport(reader, rest),
    costReport(reader, shifted),
  ]);
  const keyOf = ({ key }: CostGroup): string => JSON.stringify(key);
  const left = new Map(previous.groups.map((group) => [keyOf(group), group]));
  const groups: ComparedGroup[] = current.groups.map((group) => {
    const other = left.get(keyOf(group)) ?? null;
    left.delete(keyOf(group));
    return { key: group.key, current: group, previous: other };
  });
  for (const group of left.values()) {
    groups.push({ key: group.key, current: null, previous: group });
  }
  return { groups, current, previous };
}
