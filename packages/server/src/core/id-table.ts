// One part of the id memory (id-memory.ts): the entries whose fingerprints begin alike, as a log, and
// an index of four bytes a slot that finds them: 17 bits of fingerprint, 15 bits of position. Slots
// are in the order of those bits, so that a search ends early and the index grows in one sweep.
import { chunkEntries, type IdChunk, IdLog } from "./id-log.ts";
import type { IdRoom } from "./id-room.ts";
import { idRowWords } from "./old-ids.ts";
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";

/** Entries at which a table is to be split. */
export const tableEntriesMax = 16_384;
const positionBits = 15;
const positionMask: number = 2 ** positionBits - 1;
/** Marks a position of the upper half while a table is divided. */
const highMark: number = 2 ** positionBits;
/** What scales the other bits to 1. */
const tagScale: number = 2 ** (positionBits - 32);
/** Positions that 15 bits can tell from "free slot"; whole chunks. */
const positionsMax: number = 63 * chunkEntries;
/** Load at which the index is full, and load of a full table whose index foresaw that. */
const loadMax = 0.9;
const loadFull = 0.85;
/** How much longer an index becomes: little where half-filled chunks are many beside the entries. */
const growthSmall = 1.125;
const growth = 1.25;
/** Entries that the index of half a table has room for, beside those that it begins with. */
const roomAfterDivision = 1.25;
const homesMin = 8;
const none: Uint32Array = new Uint32Array(1);

/** Fingerprints that begin with so many bits, which are these. */
export interface IdRange {
  readonly bits: number;
  readonly prefix: number;
}

export class IdTable {
  /** The leading bits of the fingerprints that belong here, and how many bits that is. */
  readonly bits: number;
  readonly prefix: number;
  readonly #log: IdLog;
  /** Slots where chains begin; behind them is room for the last chain. The last slot is free. */
  #homes = 0;
  #slots = none;
  #used = 0;
  #tail = 16;
  /** Where the last search ended: the slot of the twin, or the one to stand before. */
  #place = 0;
  /** What it gave. */
  #twin = -1;

  /** A table with an index for `count` entries. */
  constructor({ bits, prefix }: IdRange, count: number, room: IdRoom) {
    this.bits = bits;
    this.prefix = prefix;
    this.#log = new IdLog(room, count);
    if (count > 0) this.#reindex(count, 0);
  }

  /** Ids that are here, old ones included. */
  get used(): number {
    return this.#used;
  }

  /** Entries, those included whose place another has taken. */
  get rows(): number {
    return this.chunks.reduce((sum, { count }) => sum + count, 0);
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

  /** Position of the fingerprint at `from[at]`, or -1. */
  find(from: Int32Array, at: number): number {
    const slots = this.#slots;
    const tag = (from[at + 1] ?? 0) >>> positionBits;
    let place = this.#home(tag);
    let position = -1;
    for (; ; place += 1) {
      const slot = slots[place] ?? 0;
      if (slot === 0 || slot >>> positionBits > tag) break;
      if (slot >>> positionBits < tag) continue;
      const candidate = (slot & positionMask) - 1;
      if (!this.#log.holds(candidate, from, at)) continue;
      position = candidate;
      break;
    }
    this.#place = place;
    this.#twin = position;
    return position;
  }

  /** Reads the slot where a search would begin. */
  fetch(from: Int32Array, at: number): number {
    return this.#slots[this.#home((from[at + 1] ?? 0) >>> positionBits)] ?? 0;
  }

  /** True when the entry was counted before `since`. */
  isOlder(position: number, since: EpochMs): boolean {
    return this.#log.secondsAt(position) * 1_000 < since;
  }

  /** Whether the entry has the content at `from[at + 4]`. */
  hasContent(position: number, from: Int32Array, at: number): boolean {
    return this.#log.hasContent(position, from, at);
  }

  /** Takes an entry, whose words begin at `from[at]`, in the place of its twin if there is one. */
  put(from: Int32Array, at: number, seconds: number): void {
    this.find(from, at);
    this.putFound(from, at, seconds);
  }

  /** The same where this entry is what the table was last searched for. */
  putFound(from: Int32Array, at: number, seconds: number): void {
    assert(this.#log.length < positionsMax, "an id table takes no more than its positions");
    if (this.#used + 1 > this.#homes * loadMax) {
      this.#reindex(this.#grownCount(), 0);
      this.find(from, at);
    }
    const position = this.#log.append(from, at, seconds);
    const tag = (from[at + 1] ?? 0) >>> positionBits;
    const slot = ((tag << positionBits) | (position + 1)) >>> 0;
    if (this.#twin >= 0) this.#slots[this.#place] = slot;
    else this.#insert(this.#place, slot);
  }

  /** Drops whole chunks from the front that are older than `since`; false when there is none. */
  dropOlder(since: EpochMs): boolean {
    return this.#drop((chunk) => chunk.newest * 1_000 < since);
  }

  /** Marks so many chunks at the front as those that the run takes over; they grow no more. */
  giveTo(run: number, chunks: number): void {
    this.#log.giveTo(run, chunks);
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

  /** Divides its entries between two new tables, in their order, and has none left. */
  divide(room: IdRoom): readonly [IdTable, IdTable] {
    const half = Math.ceil(this.#used / 2);
    const bits = this.bits + 1;
    const low = new IdTable({ bits, prefix: this.prefix * 2 }, half, room);
    const high = new IdTable({ bits, prefix: this.prefix * 2 + 1 }, half, room);
    const moved = new Uint16Array(this.#log.length);
    let position = 0;
    for (const chunk of this.chunks) {
      const { words, count } = chunk;
      for (let at = 0; at < count; at += 1) {
        const first = at * idRowWords;
        const seconds = (words[first + 6] ?? 0) >>> 0;
        const isHigh = (words[first] ?? 0) >>> (32 - bits) === high.prefix;
        const there = (isHigh ? high : low).#log.append(words, first, seconds);
        moved[position + at] = isHigh ? there + highMark : there;
      }
      position += chunkEntries;
    }
    low.#adopt(this.#slots, moved, 0);
    high.#adopt(this.#slots, moved, highMark);
    this.#slots = none;
    this.#used = 0;
    this.#log.drop(this.chunks.length);
    return [low, high];
  }

  /** Makes its index from slots in order, of those entries that came here. */
  #adopt(slots: Uint32Array, moved: Uint16Array, mark: number): void {
    const own = new Uint32Array(slots.length);
    let used = 0;
    for (let at = 0; at < slots.length; at += 1) {
      const slot = slots[at] ?? 0;
      if (slot === 0) continue;
      const there = moved[(slot & positionMask) - 1] ?? 0;
      // Which half it is cannot be foreseen: overwriting the other half's slots takes no guess.
      own[used] = (slot & ~positionMask) + ((there & positionMask) + 1);
      used += ((there ^ mark) >>> positionBits) ^ 1;
    }
    this.#slots = own.subarray(0, used);
    this.#used = used;
    this.#reindex(Math.ceil(used * roomAfterDivision), 0);
  }

  /** Entries to make the next index for; no more than a full table has. */
  #grownCount(): number {
    const used = this.#used + 1;
    const grown = Math.ceil(used * (used < tableEntriesMax / 2 ? growthSmall : growth));
    return used < tableEntriesMax ? Math.min(grown, tableEntriesMax) : grown;
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
      this.#homes = Math.max(homesMin, Math.ceil(Math.max(count, left) / loadFull));
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
    for (let from = 0; from < old.length; from += 1) {
      const slot = old[from] ?? 0;
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
