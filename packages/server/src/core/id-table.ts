// One part of the id memory (id-memory.ts): the entries whose fingerprints begin alike, as a log, and
// an index of four bytes a slot that finds them: 17 bits of fingerprint, 15 bits of position. Slots
// are in the order of those bits, so that a search ends early and the index grows in one sweep.
import { chunkEntries, type IdChunk, IdLog } from "./id-log.ts";
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";

/** Entries at which a table is to be split. */
export const tableEntriesMax = 16_384;
const positionBits = 15;
const positionMask: number = 2 ** positionBits - 1;
/** What scales the other bits to 1. */
const tagScale: number = 2 ** (positionBits - 32);
/** Positions that 15 bits can tell from "free slot"; whole chunks. */
const positionsMax: number = 63 * chunkEntries;
/** Load at which the index is full, and load after it was made anew. */
const loadMax = 0.9;
const loadRebuilt = 0.8;
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
    const tag = (fingerprint[1] ?? 0) >>> positionBits;
    for (let at = this.#home(tag); ; at += 1) {
      const slot = slots[at] ?? 0;
      if (slot === 0 || slot >>> positionBits > tag) return -1;
      if (slot >>> positionBits < tag) continue;
      const position = (slot & positionMask) - 1;
      if (this.#log.holds(position, fingerprint, 0)) return position;
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
    const tag = (from[at + 1] ?? 0) >>> positionBits;
    if (this.#used + 1 > this.#homes * loadMax) this.#reindex(this.#used + 1, 0);
    let place = this.#home(tag);
    let isTwin = false;
    for (; ; place += 1) {
      const slot = this.#slots[place] ?? 0;
      if (slot === 0 || slot >>> positionBits > tag) break;
      if (slot >>> positionBits < tag) continue;
      isTwin = this.#log.holds((slot & positionMask) - 1, from, at);
      if (isTwin) break;
    }
    const position = this.#log.append(from, at, seconds);
    const slot = ((tag << positionBits) | (position + 1)) >>> 0;
    if (isTwin) this.#slots[place] = slot;
    else this.#insert(place, slot);
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

  /** Moves what stands there and behind by one, up to the next free slot. */
  #insert(place: number, slot: number): void {
    const slots = this.#slots;
    let moved = slot;
    let at = place;
    while (moved !== 0 && at < slots.length - 1) {
      const there = slots[at] ?? 0;
      slots[at] = moved;
      moved = there;
      at += 1;
    }
    this.#used += 1;
    if (moved === 0) return;
    // The last chain has no room left: the slot that fell out goes into a longer index.
    this.#tail *= 2;
    this.#used -= 1;
    this.#reindex(this.#used + 1, 0);
    const tag = moved >>> positionBits;
    let again = this.#home(tag);
    while (this.#slots[again] !== 0 && (this.#slots[again] ?? 0) >>> positionBits <= tag)
      again += 1;
    this.#insert(again, moved);
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
      if ((slot & positionMask) <= movedDown) continue;
      const at = Math.max(next, this.#home(slot >>> positionBits));
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
    return (tag * this.#homes * tagScale) | 0;
  }
}

/** The leading bits of a fingerprint's first word. */
export function prefixOf(word: number | undefined, bits: number): number {
  // A shift by 32 would be a shift by none.
  return bits === 0 ? 0 : (word ?? 0) >>> (32 - bits);
}
