/** What of a table fits a line: names are cut, and columns go, the least important first. */

export interface ColumnFit {
  /** Of its widest cell. */
  width: number;
  /** Above 0: it may go, with all of its rank, the highest first. */
  rank: number;
  /** Whether its cells may be cut. */
  canCut: boolean;
}

/** A name is cut to this width before a column goes, */
const READABLE = 20;
/** and to this one where no other column can. */
const SHORTEST = 8;

/** How wide each column may be, with `gap` between two of them; null for those that do not fit into `room`. */
export function fitColumns(
  columns: readonly ColumnFit[],
  gap: number,
  room: number,
): (number | null)[] {
  let shown = columns.map((_, index) => index);
  const cut = (index: number, longest: number): number => {
    const { width = 0, canCut } = columns[index] ?? {};
    return canCut ? Math.min(width, longest) : width;
  };
  const needed = (longest: number): number =>
    shown.reduce((sum, index) => sum + gap + cut(index, longest), -gap);
  const rankOf = (index: number): number => columns[index]?.rank ?? 0;
  while (needed(READABLE) > room) {
    const least = Math.max(...shown.map(rankOf));
    if (least <= 0) break;
    shown = shown.filter((index) => rankOf(index) < least);
  }
  let longest = Math.max(room, SHORTEST);
  while (longest > SHORTEST && needed(longest) > room) longest -= 1;
  return columns.map((_, index) => (shown.includes(index) ? cut(index, longest) : null));
}
