/** Edits (a letter more, less, other, or two swapped) from one word to another. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The name that somebody who typed `word` most likely meant; null where none is near. */
export function nearMiss(word: string, names: readonly string[]): string | null {
  let best: string | null = null;
  let bestEdits = Math.floor(Math.min(word.length, 12) / 3) + 1;
  for (const name of names) {
    const edits = distance(word.slice(0, 40).toLowerCase(), name.toLowerCase());
    if (edits >= bestEdits) continue;
    best = name;
    bestEdits = edits;
  }
  return best;
}

/** ` Did you mean model?`, or what there is. */
export function suggestion(word: string, names: readonly string[]): string {
  const near = nearMiss(word, names);
  return near === null ? `Use ${names.join(", ")}.` : `Did you mean ${near}?`;
}
