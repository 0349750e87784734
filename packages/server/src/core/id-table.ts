// One open-addressing table of the id memory (id-memory.ts): 28 bytes a slot in one typed array,
// linear probing, no deletion. Entries that are too old stay as links of their chains until the
// table is full and a new one takes what is young. It knows no window but the instant it is told.
import type { EpochMs } from "./ports.ts";

/** Words of an entry: four of fingerprint, two of content, one of counting time in seconds. */
export const idWords = 7;

/** Load at which a table is full, and load after it was made for so many entries. */
const loadMax = 0.85;
const loadRebuilt = 0.65;
const slotsMin = 8;

export class IdTable {
  /** The leading bits of the fingerprints that belong here, and how many bits that is. */
  readonly bits: number;
  readonly prefix: number;
  readonly #slots: number;
  readonly #usedMax: number;
  readonly #words: Uint32Array;
  #used = 0;

  /** A table with room for `count` entries and some more; none at all for 0. */
  constructor(bits: number, prefix: number, count: number) {
    this.bits = bits;
    this.prefix = prefix;
    this.#slots = count === 0 ? 0 : Math.max(slotsMin, Math.ceil(count / loadRebuilt));
    this.#usedMax = Math.floor(this.#slots * loadMax);
    this.#words = new Uint32Array(this.#slots * idWords);
  }

  /** Entries, old ones included. */
  get used(): number {
    return this.#used;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** Place of a fingerprint, or -1. */
  find(fingerprint: Uint32Array): number {
    if (this.#used === 0) return -1;
    const words = this.#words;
    const first = fingerprint[0];
    for (let at = this.#home(fingerprint[1]); words[at + 6] !== 0; at = this.#next(at)) {
      if (words[at] === first && holds(words, at, fingerprint)) return at;
    }
    return -1;
  }

  /** True when the entry was counted before `since`. */
  isOlder(at: number, since: EpochMs): boolean {
    return (this.#words[at + 6] ?? 0) * 1_000 < since;
  }

  hasContent(at: number, content: Uint32Array): boolean {
    return this.#words[at + 4] === content[0] && this.#words[at + 5] === content[1];
  }

  /** Puts an entry in the place of its twin, or else in a free slot. False: the table is full. */
  put(entry: Uint32Array): boolean {
    const twin = this.find(entry);
    if (twin >= 0) {
      this.#write(twin, entry, 0);
      return true;
    }
    if (this.#used >= this.#usedMax) return false;
    this.#append(entry, 0);
    return true;
  }

  /** How many entries are not older than `since` and begin with these bits. */
  count(since: EpochMs, bits: number, prefix: number): number {
    const words = this.#words;
    let counted = 0;
    for (let at = 0; at < words.length; at += idWords) {
      if (words[at + 6] === 0 || this.isOlder(at, since)) continue;
      if (prefixOf(words[at], bits) === prefix) counted += 1;
    }
    return counted;
  }

  /** Copies the entries that are not older than `since` and belong there into a table with room. */
  copyTo(target: IdTable, since: EpochMs): void {
    const words = this.#words;
    for (let at = 0; at < words.length; at += idWords) {
      if (words[at + 6] === 0 || this.isOlder(at, since)) continue;
      if (prefixOf(words[at], target.bits) === target.prefix) target.#append(words, at);
    }
  }

  /** Writes the entries that are not older than `since`; gives the offset behind them. */
  dump(since: EpochMs, view: DataView, offset: number): number {
    const words = this.#words;
    let end = offset;
    for (let at = 0; at < words.length; at += idWords) {
      if (words[at + 6] === 0 || this.isOlder(at, since)) continue;
      for (let word = 0; word < idWords; word += 1) {
        view.setUint32(end + word * 4, words[at + word] ?? 0, true);
      }
      end += idWords * 4;
    }
    return end;
  }

  /** Takes an entry that is not here yet, from `index` on. */
  #append(from: Uint32Array, index: number): void {
    const words = this.#words;
    let at = this.#home(from[index + 1]);
    while (words[at + 6] !== 0) at = this.#next(at);
    this.#write(at, from, index);
    this.#used += 1;
  }

  #write(at: number, from: Uint32Array, index: number): void {
    const words = this.#words;
    for (let word = 0; word < idWords; word += 1) words[at + word] = from[index + word] ?? 0;
  }

  /** Where a chain starts. The order of slots is that of the word, which copying profits from. */
  #home(word: number | undefined): number {
    return Math.floor(((word ?? 0) / 0x1_0000_0000) * this.#slots) * idWords;
  }

  #next(at: number): number {
    return at + idWords === this.#words.length ? 0 : at + idWords;
  }
}

/** The leading bits of a fingerprint's first word. */
export function prefixOf(word: number | undefined, bits: number): number {
  // A shift by 32 would be a shift by none.
  return bits === 0 ? 0 : (word ?? 0) >>> (32 - bits);
}

function holds(words: Uint32Array, at: number, fingerprint: Uint32Array): boolean {
  return (
    words[at] === fingerprint[0] &&
    words[at + 1] === fingerprint[1] &&
    words[at + 2] === fingerprint[2] &&
    words[at + 3] === fingerprint[3]
  );
}
