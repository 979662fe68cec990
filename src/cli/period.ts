const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A moment as people type one: `30d` or `12h` ago, or a date (UTC where it names no zone). Null if neither. */
export function parseMoment(text: string, nowMs: number): Date | null {
  const ago = /^(\d{1,6})([mhdw])$/.exec(text.trim());
  if (ago) return new Date(nowMs - Number(ago[1]) * (UNIT_MS[ago[2] ?? ""] ?? 0));
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return null;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
}
