// Which runs may hold a key, for keys of all runs together: 32 bits each, packed in buckets by the
// key's leading bits, 22 further bits of the key beside a run's slot of ten bits. One look touches
// one bucket, however many runs there are. It may name a run that lacks the key, never the reverse.
import { assert } from "./problem.ts";

/** Runs that can be told apart. */
export const runSlotsMax = 1_023;

const slotBits = 10;
const slotMask: number = 2 ** slotBits - 1;
const bucketBits = 10;
/** Buckets of a group, which has one array for them all. */
const bucketsPerGroup: number = 2 ** bucketBits;
/** Keys of a bucket when the filter is new. */
const keysPerBucket = 2;
const groupBitsMax = 20;
const roomToSpare = 17 / 16;
const nobody: readonly number[] = [];

/** Numbers of where the buckets of a group begin: one more than buckets, for the end of the last. */
const startsPerGroup: number = bucketsPerGroup + 1;

export class OldIdFilter {
  readonly #groupBits: number;
  /** Marks of each group, bucket after bucket; there may be room behind them. */
  readonly #marks: Uint32Array[];
  /** Where buckets begin among their group's marks, group after group. */
  readonly #starts: Uint32Array;
  /** Slots whose marks go when their group is next changed. */
  readonly #dead = new Uint8Array(2 ** slotBits);
  #anyDead = false;
  readonly #added = new Uint32Array(bucketsPerGroup);
  readonly #ends = new Uint32Array(bucketsPerGroup);

  /** Best for about as many keys and some ten times more; right for any number. */
  constructor(keys: number) {
    const bits = Math.ceil(Math.log2(Math.max(1, keys / keysPerBucket / bucketsPerGroup)));
    this.#groupBits = Math.min(groupBitsMax, bits);
    this.#marks = Array.from({ length: 2 ** this.#groupBits }, () => new Uint32Array(0));
    this.#starts = new Uint32Array(this.#marks.length * startsPerGroup);
  }

  get groups(): number {
    return this.#marks.length;
  }

  get bytes(): number {
    return this.#marks.reduce((sum, marks) => sum + marks.byteLength, this.#starts.byteLength);
  }

  /** The group of a key's first word; ascending with it. */
  groupOf(word: number): number {
    return this.#groupBits === 0 ? 0 : word >>> (32 - this.#groupBits);
  }

  /** The slots of all runs that may hold the key; one may stand there twice. */
  candidates(key: Uint32Array): readonly number[] {
    const first = key[0] ?? 0;
    const group = this.groupOf(first);
    const marks = this.#marks[group];
    if (marks === undefined) return nobody;
    const place = group * startsPerGroup + this.#bucketOf(first);
    const end = this.#starts[place + 1] ?? 0;
    const tag = (key[1] ?? 0) >>> slotBits;
    let found: number[] | null = null;
    for (let at = this.#starts[place] ?? 0; at < end; at += 1) {
      const mark = marks[at] ?? 0;
      if (mark >>> slotBits !== tag) continue;
      found ??= [];
      found.push(mark & slotMask);
    }
    return found ?? nobody;
  }

  /** The marks of the slot count for nothing and go as groups are changed. */
  retire(slot: number): void {
    this.#dead[slot] = 1;
    this.#anyDead = true;
  }

  /** To be told when every group has been changed since these slots were retired. */
  sweptAll(slots: readonly number[]): void {
    for (const slot of slots) this.#dead[slot] = 0;
    this.#anyDead = this.#dead.includes(1);
  }

  /** Adds keys of one group, and drops the marks of retired slots from it. */
  change(group: number, { words, marks, count }: KeyBatch): void {
    assert(group < this.groups, "a filter has the groups that it says");
    if (this.#anyDead) this.#sweep(group);
    if (count === 0) return;
    const added = this.#added.fill(0);
    for (let at = 0; at < count; at += 1) {
      const bucket = this.#bucketOf(words[at] ?? 0);
      added[bucket] = (added[bucket] ?? 0) + 1;
    }
    const ends = this.#makeRoom(group, added, count);
    const grown = this.#marks[group];
    assert(grown !== undefined, "a filter has the groups that it says");
    for (let at = 0; at < count; at += 1) {
      const bucket = this.#bucketOf(words[at] ?? 0);
      const end = ends[bucket] ?? 0;
      grown[end] = marks[at] ?? 0;
      ends[bucket] = end + 1;
    }
  }

  #bucketOf(word: number): number {
    return (word << this.#groupBits) >>> (32 - bucketBits);
  }

  #startsOf(group: number): Uint32Array {
    return this.#starts.subarray(group * startsPerGroup, (group + 1) * startsPerGroup);
  }

  #sweep(group: number): void {
    const marks = this.#marks[group] ?? new Uint32Array(0);
    const starts = this.#startsOf(group);
    let end = 0;
    let start = 0;
    for (let bucket = 0; bucket < bucketsPerGroup; bucket += 1) {
      const stop = starts[bucket + 1] ?? 0;
      for (let at = start; at < stop; at += 1) {
        const mark = marks[at] ?? 0;
        if (this.#dead[mark & slotMask] === 1) continue;
        marks[end] = mark;
        end += 1;
      }
      start = stop;
      starts[bucket + 1] = end;
    }
  }

  /** Opens a gap at the end of each bucket; gives where the gaps begin. */
  #makeRoom(group: number, added: Uint32Array, total: number): Uint32Array {
    const starts = this.#startsOf(group);
    const old = this.#marks[group] ?? new Uint32Array(0);
    const needed = (starts[bucketsPerGroup] ?? 0) + total;
    // Some room to spare, so that not every run to come needs a new array.
    const capacity = old.length === 0 ? needed : Math.ceil(needed * roomToSpare);
    const marks = needed > old.length ? new Uint32Array(capacity) : old;
    this.#marks[group] = marks;
    const ends = this.#ends;
    let shift = total;
    for (let bucket = bucketsPerGroup - 1; bucket >= 0; bucket -= 1) {
      const start = starts[bucket] ?? 0;
      const end = starts[bucket + 1] ?? 0;
      starts[bucket + 1] = end + shift;
      shift -= added[bucket] ?? 0;
      // From the end, since the place to go may overlap the place to come from.
      for (let at = end - 1; at >= start; at -= 1) marks[at + shift] = old[at] ?? 0;
      ends[bucket] = end + shift;
    }
    return ends;
  }
}

/** Keys of one group on their way into the filter. */
export class KeyBatch {
  words: Uint32Array = new Uint32Array(1_024);
  marks: Uint32Array = new Uint32Array(1_024);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  /** Takes the first two words of a key that the run in this slot holds. */
  push(first: number, second: number, slot: number): void {
    assert(slot < runSlotsMax, "a run has one of the slots that can be told apart");
    if (this.count === this.words.length) {
      this.words = twice(this.words);
      this.marks = twice(this.marks);
    }
    this.words[this.count] = first;
    this.marks[this.count] = ((second >>> slotBits) << slotBits) | slot;
    this.count += 1;
  }
}

function twice(words: Uint32Array): Uint32Array {
  const larger = new Uint32Array(words.length * 2);
  larger.set(words);
  return larger;
}
