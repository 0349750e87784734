// Finds the word that somebody probably meant, for misspelled settings and flags. Pure, and bounded in
// the length of what it compares.

/** Longer words are not compared: the table of distances is quadratic. */
const charactersMax = 100;

/**
 * The word of the list with the fewest single-character edits to `word`; undefined when none is
 * nearer than two edits or a third of its length, since a far-fetched hint misleads.
 */
export function nearestWord(word: string, list: readonly string[]): string | undefined {
  if (word.length > charactersMax) return undefined;
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const candidate of list) {
    const distance = editDistance(word, candidate);
    if (distance > Math.max(2, candidate.length / 3)) continue;
    if (best === undefined || distance < best.distance) best = { word: candidate, distance };
  }
  return best?.word;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1];
      const replaced = (row[j - 1] ?? 0) + (isSame ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
