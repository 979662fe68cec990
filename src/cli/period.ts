import { zonedMs } from "../report/time-buckets.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A length of time as people type one, in ms: `30d`, `12h`, `90m` or `2w`. Null if it is none. */
export function parseSpanMs(text: string): number | null {
  const match = /^(\d{1,6})([mhdw])$/.exec(text.trim());
  const ms = match ? Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? 0) : 0;
  return ms > 0 ? ms : null;
}

/** JavaScript takes the 30th of February for the 2nd of March. */
function isDay(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

/**
 * A moment as people type one: `30d` or `12h` ago, or a date or time, of `timeZone` where it names no
 * zone itself. Null if it is neither.
 */
export function parseMoment(text: string, nowMs: number, timeZone = "UTC"): Date | null {
  const span = parseSpanMs(text);
  if (span !== null) return new Date(nowMs - span);
  const local = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?)?$/.test(text);
  if (!local && !/^\d{4}-\d{2}-\d{2}T/.test(text)) return null;
  if (!isDay(text.slice(0, 10))) return null;
  const date = new Date(local ? `${text.replace(" ", "T")}${text.length > 10 ? "Z" : ""}` : text);
  if (Number.isNaN(date.getTime())) return null;
  return local ? new Date(zonedMs(timeZone, date.getTime())) : date;
}
