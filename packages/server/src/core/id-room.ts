// Where the rows of counted ids (id-log.ts) lie: arrays of one size, cut from larger ones, since to
// ask the system for each by itself would take longer than to fill it. An array comes back only when
// nobody can be reading it any more; what is not given back is freed with all others of its slab.
import { idRowWords } from "./old-ids.ts";

/** Rows of an array. */
export const roomRows = 512;
const roomWords: number = roomRows * idRowWords;
/** Arrays of a slab at most: some 450 KB. */
const arraysPerSlabMax = 32;
/** Tables for each array of a slab, so that few ids take no large slab. */
const tablesPerArray = 16;
/** Arrays kept for others: what a table leaves that is divided, and some more. */
const keptMax = 64;

export class IdRoom {
  #slab: Int32Array = new Int32Array(0);
  #next = 0;
  #slabWords: number = roomWords;
  readonly #kept: Int32Array[] = [];

  /** To be told how many tables there are, which is how many arrays are filled at a time. */
  set tables(tables: number) {
    const arrays = Math.max(1, Math.min(arraysPerSlabMax, Math.floor(tables / tablesPerArray)));
    this.#slabWords = arrays * roomWords;
  }

  /** An array with any content. */
  take(): Int32Array {
    const kept = this.#kept.pop();
    if (kept !== undefined) return kept;
    if (this.#next === this.#slab.length) {
      this.#slab = new Int32Array(this.#slabWords);
      this.#next = 0;
    }
    const start = this.#next;
    this.#next += roomWords;
    return this.#slab.subarray(start, this.#next);
  }

  /** Takes an array back that nobody looks at any more. */
  giveBack(words: Int32Array): void {
    if (words.length === roomWords && this.#kept.length < keptMax) this.#kept.push(words);
  }
}
