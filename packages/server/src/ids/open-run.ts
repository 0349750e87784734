// One run in force: finds a key's row by reading one page. The page is checked at each reading, since
// an answer from a damaged one would count a record twice or not at all.
import { idRowWords } from "../core/old-ids.ts";
import type { PageFile } from "./run-disk.ts";
import { IdRunDamage, pageBytes, pageWords, rowStart, rowsOfPage } from "./run-format.ts";

/** Shared by all runs: a look-up ends before the next begins. */
const page = new Uint32Array(pageWords);
const pageAsBytes = new Uint8Array(page.buffer);

export class OpenRun {
  readonly number: number;
  readonly #path: string;
  readonly #file: PageFile;
  readonly #firstWords: Uint32Array;

  constructor(
    number: number,
    parts: { readonly path: string; readonly file: PageFile; readonly firstWords: Uint32Array },
  ) {
    this.number = number;
    this.#path = parts.path;
    this.#file = parts.file;
    this.#firstWords = parts.firstWords;
  }

  /** Copies the key's row that was counted last, if it is newer than what `row` holds already. */
  find(key: Uint32Array, row: Uint32Array, isFound: boolean): boolean {
    const first = key[0] ?? 0;
    const pages = this.#firstWords;
    let found = isFound;
    let number = this.#firstPage(first);
    while (number < pages.length && (pages[number] ?? 0) <= first) {
      found = this.#findIn(number, { key, row, isFound: found });
      number += 1;
    }
    return found;
  }

  close(): void {
    this.#file.close();
  }

  /** The last page that begins before the word: the word's rows may begin in it. */
  #firstPage(word: number): number {
    const pages = this.#firstWords;
    let low = 0;
    let high = pages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((pages[middle] ?? 0) < word) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #findIn(
    number: number,
    { key, row, isFound }: { key: Uint32Array; row: Uint32Array; isFound: boolean },
  ): boolean {
    const count = this.#read(number);
    let found = isFound;
    for (let at = lowerBound(count, key[0] ?? 0); at < count; at += 1) {
      const start = rowStart(at);
      if (page[start] !== key[0]) break;
      if (!isKey(start, key) || (found && (page[start + 6] ?? 0) <= (row[6] ?? 0))) continue;
      for (let word = 0; word < idRowWords; word += 1) row[word] = page[start + word] ?? 0;
      found = true;
    }
    return found;
  }

  /** Rows of the page. */
  #read(number: number): number {
    const length = this.#file.read(pageAsBytes, (1 + number) * pageBytes);
    const rows =
      length < pageBytes ? -1 : rowsOfPage(page, { run: this.number, number: number + 1 });
    if (rows < 0) {
      throw new IdRunDamage(this.#path, { page: 1 + number, what: "a page of ids is damaged" });
    }
    return rows;
  }
}

/** The first row whose key does not begin below the word. */
function lowerBound(count: number, word: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((page[rowStart(middle)] ?? 0) < word) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isKey(start: number, key: Uint32Array): boolean {
  return page[start + 1] === key[1] && page[start + 2] === key[2] && page[start + 3] === key[3];
}
