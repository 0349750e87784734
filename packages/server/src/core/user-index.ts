// The meters of each user under one meter key. A hash table of our own, since a look-up for each
// record among a million users is mostly waiting for memory: hashes stand together, and only the
// user that is meant is touched. The hash is keyed, so that nobody can choose users that collide.
import { textHash } from "./content-hash.ts";
import type { FingerprintKey } from "./fingerprint.ts";
import { assert } from "./problem.ts";
import { userIdColumn } from "./scan-plan.ts";
import type { ScannedRecords } from "./scanned-records.ts";
import type { Meter } from "./state.ts";

const slotsMin = 8;
/** Share of slots in use at which the table doubles. */
const loadMax = 0.6;

/** One meter alone stands without an array: most users have one, and there may be a million. */
type Owned = Meter | readonly Meter[];

export class UserIndex {
  readonly #key: FingerprintKey;
  /** 0 for a free slot. */
  #hashes: Int32Array = new Int32Array(slotsMin);
  #owned: (Owned | null)[] = freeSlots(slotsMin);
  #users = 0;
  /** Of no meaning: lest a compiler leave out what is only read. */
  fetched = 0;
  readonly #ahead: Owned[] = [];
  readonly #single: Meter[] = [];

  constructor(key: FingerprintKey) {
    this.#key = key;
  }

  /** The user's meters by id, or undefined where there is none. */
  get(userId: string): readonly Meter[] | undefined {
    const owned = this.#owned[this.#find(userId, this.#hashOf(userId))] ?? null;
    if (owned === null) return undefined;
    return isArray(owned) ? owned : [owned];
  }

  /** The same for the user of a plain record. What it gives holds until the next call. */
  getScanned(columns: ScannedRecords, record: number): readonly Meter[] | undefined {
    const hash = columns.userHash(record);
    const hashes = this.#hashes;
    const mask = hashes.length - 1;
    const wanted = hash === 0 ? 1 : hash;
    for (let at = wanted & mask; hashes[at] !== 0; at = (at + 1) & mask) {
      const owned = hashes[at] === wanted ? (this.#owned[at] ?? null) : null;
      if (owned === null || !columns.holds(record, userIdColumn, userOf(owned))) continue;
      if (isArray(owned)) return owned;
      this.#single[0] = owned;
      return this.#single;
    }
    return undefined;
  }

  /**
   * Reads what counting plain records will read first. A record by itself waits for each of its
   * pieces of memory in turn; short loops over many let the processor wait for all at once.
   */
  fetchAhead(columns: ScannedRecords, from: number, to: number): void {
    const hashes = this.#hashes;
    const mask = hashes.length - 1;
    const ahead = this.#ahead;
    ahead.length = 0;
    for (let record = from; record < to; record += 1) {
      const hash = columns.userHash(record);
      const home = hash & mask;
      const owned = this.#owned[hashes[home] === hash ? home : (home + 1) & mask] ?? null;
      if (owned !== null) ahead.push(owned);
    }
    let sum = 0;
    for (const owned of ahead) sum += userOf(owned).length;
    for (const owned of ahead) if (!isArray(owned)) sum += owned.counter.fetch();
    this.fetched = sum;
  }

  /** Puts the user's meters, one at least, in the place of those that stand there. */
  set(userId: string, meters: readonly Meter[]): void {
    const [first] = meters;
    assert(first !== undefined, "a user without meters is taken out");
    const hash = this.#hashOf(userId);
    let at = this.#find(userId, hash);
    if (this.#owned[at] === null) {
      this.#users += 1;
      if (this.#users > this.#hashes.length * loadMax) {
        this.#grow();
        at = this.#find(userId, hash);
      }
    }
    this.#hashes[at] = hash;
    this.#owned[at] = meters.length === 1 ? first : meters;
  }

  delete(userId: string): void {
    let free = this.#find(userId, this.#hashOf(userId));
    if (this.#owned[free] === null) return;
    this.#users -= 1;
    // Whatever was pushed on by a slot that is free now moves back to it, so that look-ups may end
    // at the first free slot.
    const mask = this.#hashes.length - 1;
    for (let at = (free + 1) & mask; this.#owned[at] !== null; at = (at + 1) & mask) {
      const home = (this.#hashes[at] ?? 0) & mask;
      if (((at - home) & mask) < ((at - free) & mask)) continue;
      this.#hashes[free] = this.#hashes[at] ?? 0;
      this.#owned[free] = this.#owned[at] ?? null;
      free = at;
    }
    this.#hashes[free] = 0;
    this.#owned[free] = null;
  }

  /** Every user once, in no order that means anything. */
  *userIds(): Generator<string> {
    for (const owned of this.#owned) if (owned !== null) yield userOf(owned);
  }

  /** Every meter once, in no order that means anything. */
  *meters(): Generator<Meter> {
    for (const owned of this.#owned) {
      if (owned === null) continue;
      if (isArray(owned)) yield* owned;
      else yield owned;
    }
  }

  #hashOf(userId: string): number {
    const hash = textHash(this.#key, userId);
    return hash === 0 ? 1 : hash;
  }

  /** The slot of the user, or the free slot where it would stand. */
  #find(userId: string, hash: number): number {
    const hashes = this.#hashes;
    const mask = hashes.length - 1;
    let at = hash & mask;
    for (let there = hashes[at]; there !== 0; there = hashes[at]) {
      if (there === hash) {
        const owned = this.#owned[at] ?? null;
        if (owned !== null && userOf(owned) === userId) return at;
      }
      at = (at + 1) & mask;
    }
    return at;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const owned = this.#owned;
    const slots = hashes.length * 2;
    const mask = slots - 1;
    this.#hashes = new Int32Array(slots);
    this.#owned = freeSlots(slots);
    for (let from = 0; from < hashes.length; from += 1) {
      const hash = hashes[from] ?? 0;
      if (hash === 0) continue;
      let at = hash & mask;
      while (this.#hashes[at] !== 0) at = (at + 1) & mask;
      this.#hashes[at] = hash;
      this.#owned[at] = owned[from] ?? null;
    }
  }
}

function freeSlots(count: number): (Owned | null)[] {
  return new Array<Owned | null>(count).fill(null);
}

function userOf(owned: Owned): string {
  return isArray(owned) ? (owned[0]?.userId ?? "") : owned.userId;
}

/** `Array.isArray` does not narrow to a read-only array. */
function isArray(owned: Owned): owned is readonly Meter[] {
  return Array.isArray(owned);
}
