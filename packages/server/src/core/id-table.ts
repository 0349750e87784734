// One part of the id memory (id-memory.ts): the entries whose fingerprints begin alike, as a log, and
// an index of four bytes a slot that finds them: 16 bits of fingerprint, 16 bits of position. Slots
// are in the order of those bits, so that a search ends early and the index grows in one sweep.
import { chunkEntries, type IdChunk, IdLog } from "./id-log.ts";
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";

/** Entries at which a table is to be split. */
export const tableEntriesMax = 32_768;
/** Positions that 16 bits can tell from "free slot"; whole chunks. */
const positionsMax: number = 63 * chunkEntries;
/** Load at which the index is full, and load after it was made anew. */
const loadMax = 0.92;
const loadRebuilt = 0.85;
const homesMin = 8;
const none: Uint32Array = new Uint32Array(1);

export class IdTable {
  /** The leading bits of the fingerprints that belong here, and how many bits that is. */
  readonly bits: number;
  readonly prefix: number;
  readonly #log = new IdLog();
  /** Slots where chains begin; behind them is room for the last chain. The last slot is free. */
  #homes = 0;
  #slots = none;
  #used = 0;
  #tail = 16;

  /** A table with an index for `count` entries. */
  constructor(bits: number, prefix: number, count: number) {
    this.bits = bits;
    this.prefix = prefix;
    if (count > 0) this.#reindex(count, 0);
  }

  /** Ids that are here, old ones included. */
  get used(): number {
    return this.#used;
  }

  get bytes(): number {
    return this.#log.bytes + this.#slots.byteLength;
  }

  get chunks(): readonly IdChunk[] {
    return this.#log.chunks;
  }

  /** Time to drop what is old, or to split. */
  get isFull(): boolean {
    return this.#log.length >= tableEntriesMax;
  }

  /** Position of a fingerprint, or -1. */
  find(fingerprint: Uint32Array): number {
    const slots = this.#slots;
    const tag = (fingerprint[1] ?? 0) >>> 16;
    for (let at = this.#home(tag); ; at += 1) {
      const slot = slots[at] ?? 0;
      if (slot === 0 || slot >>> 16 > tag) return -1;
      if (slot >>> 16 < tag) continue;
      const position = (slot & 0xffff) - 1;
      if (this.#log.holds(position, fingerprint)) return position;
    }
  }

  /** True when the entry was counted before `since`. */
  isOlder(position: number, since: EpochMs): boolean {
    return this.#log.secondsAt(position) * 1_000 < since;
  }

  hasContent(position: number, content: Uint32Array): boolean {
    return this.#log.hasContent(position, content);
  }

  /** Takes an entry, whose words begin at `from[at]`, in the place of its twin if there is one. */
  put(from: Uint32Array, at: number, seconds: number): void {
    assert(this.#log.length < positionsMax, "an id table takes no more than its positions");
    const position = this.#log.append(from, at, seconds);
    const tag = (from[at + 1] ?? 0) >>> 16;
    const place = this.#place(tag, from, at);
    const slot = ((tag << 16) | (position + 1)) >>> 0;
    if (place >= 0) {
      this.#slots[place] = slot;
      return;
    }
    if (this.#used + 1 > this.#homes * loadMax) this.#reindex(this.#used + 1, 0);
    while (!this.#insert(tag, slot)) {
      this.#tail *= 2;
      this.#reindex(this.#used + 1, 0);
    }
    this.#used += 1;
  }

  /** Drops whole chunks from the front that are older than `since`; false when there is none. */
  dropOlder(since: EpochMs): boolean {
    return this.#drop((chunk) => chunk.newest * 1_000 < since);
  }

  /** Drops the chunks at the front that a run has taken over. */
  dropTaken(run: number): boolean {
    return this.#drop((chunk) => chunk.run === run);
  }

  #drop(goes: (chunk: IdChunk) => boolean): boolean {
    const { chunks } = this.#log;
    let count = 0;
    for (const chunk of chunks) {
      if (!goes(chunk)) break;
      count += 1;
    }
    if (count === 0) return false;
    this.#reindex(0, this.#log.drop(count));
    return true;
  }

  /** Slot of the entry's twin, or -1. */
  #place(tag: number, from: Uint32Array, at: number): number {
    const slots = this.#slots;
    let fingerprint: Uint32Array | null = null;
    for (let place = this.#home(tag); ; place += 1) {
      const slot = slots[place] ?? 0;
      if (slot === 0 || slot >>> 16 > tag) return -1;
      if (slot >>> 16 < tag) continue;
      fingerprint ??= from.subarray(at, at + 4);
      if (this.#log.holds((slot & 0xffff) - 1, fingerprint)) return place;
    }
  }

  /** Moves what comes after it by one. False: no room before the last slot. */
  #insert(tag: number, slot: number): boolean {
    const slots = this.#slots;
    let at = this.#home(tag);
    for (let there = slots[at] ?? 0; there !== 0 && there >>> 16 <= tag; there = slots[at] ?? 0) {
      at += 1;
    }
    let free = at;
    while (slots[free] !== 0 && free < slots.length) free += 1;
    if (free >= slots.length - 1) return false;
    slots.copyWithin(at + 1, at, free);
    slots[at] = slot;
    return true;
  }

  /** A new index for `count` entries, all positions moved down; what moves below 0 is left out. */
  #reindex(count: number, movedDown: number): void {
    const old = this.#slots;
    const left = movedDown === 0 ? this.#used : Math.min(this.#used, this.#log.length);
    for (;;) {
      this.#homes = Math.max(homesMin, Math.ceil(Math.max(count, left) / loadRebuilt));
      this.#slots = new Uint32Array(this.#homes + (this.#homes >> 6) + this.#tail);
      if (this.#fill(old, movedDown)) return;
      this.#tail *= 2;
    }
  }

  #fill(old: Uint32Array, movedDown: number): boolean {
    const slots = this.#slots;
    const end = slots.length - 1;
    let next = 0;
    let used = 0;
    for (const slot of old) {
      if ((slot & 0xffff) <= movedDown) continue;
      const at = Math.max(next, this.#home(slot >>> 16));
      if (at >= end) return false;
      slots[at] = slot - movedDown;
      next = at + 1;
      used += 1;
    }
    this.#used = used;
    return true;
  }

  /** Where a chain starts; ascending with the bits of the fingerprint. */
  #home(tag: number): number {
    return ((tag * this.#homes) / 0x1_0000) | 0;
  }
}

/** The leading bits of a fingerprint's first word. */
export function prefixOf(word: number | undefined, bits: number): number {
  // A shift by 32 would be a shift by none.
  return bits === 0 ? 0 : (word ?? 0) >>> (32 - bits);
}
