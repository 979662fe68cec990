/** What a report can be grouped by and filtered on, and how each is asked of the rows. */
import {
  AGENT_KEY,
  EVENT_KEY,
  executionKey,
  MODEL_KEY,
  PROVIDER_KEY,
  REPO_KEY,
  type SumKey,
} from "../store/cost-sums.ts";
import { TIME_UNITS, type TimeUnit } from "./time-buckets.ts";

export type NamedDimension =
  | "model"
  | "provider"
  | "repo"
  | "pr"
  | "event"
  | "agent"
  | "conclusion"
  | "session";

const KEYS: Readonly<Record<NamedDimension, SumKey>> = {
  model: MODEL_KEY,
  provider: PROVIDER_KEY,
  repo: REPO_KEY,
  pr: executionKey("CAST(e.pr_number AS TEXT)"),
  event: EVENT_KEY,
  agent: AGENT_KEY,
  conclusion: executionKey("e.conclusion"),
  session: executionKey("e.session_id"),
};

/** `attr:KEY` is an attribute of the run that has no column of its own. */
export type Dimension = NamedDimension | TimeUnit | `attr:${string}`;

/** All but `attr:KEY`. */
export const DIMENSIONS: readonly (NamedDimension | TimeUnit)[] = [
  ...(Object.keys(KEYS) as NamedDimension[]),
  ...TIME_UNITS,
];

const ATTRIBUTE = "attr:";

export function isTimeUnit(name: string): name is TimeUnit {
  return TIME_UNITS.includes(name as TimeUnit);
}

export function isDimension(name: string): name is Dimension {
  if (name.startsWith(ATTRIBUTE)) return name.length > ATTRIBUTE.length && !name.includes("\0");
  return DIMENSIONS.includes(name as NamedDimension);
}

/** The key of a dimension that is no time. */
export function sumKey(name: NamedDimension | `attr:${string}`): SumKey {
  if (!name.startsWith(ATTRIBUTE)) return KEYS[name as NamedDimension];
  const text = `'${name.slice(ATTRIBUTE.length).replaceAll("'", "''")}'`;
  // To SQLite, JSON's true is 1.
  const value = "iif(type IN ('true', 'false'), type, CAST(value AS TEXT))";
  return executionKey(`(SELECT ${value} FROM json_each(e.attributes) WHERE key = ${text})`);
}
