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
/** Marks of a slab: groups grow by whole slabs, which are never copied nor given back. */
const slabBits = 11;
const slabMask: number = 2 ** slabBits - 1;
const nobody: readonly number[] = [];

/** Numbers of where the buckets of a group begin: one more than buckets, for the end of the last. */
const startsPerGroup: number = bucketsPerGroup + 1;

export class OldIdFilter {
  readonly #groupBits: number;
  /** Slabs of each group: its marks, bucket after bucket, and room behind them. */
  readonly #slabs: Uint32Array[][];
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
    this.#slabs = Array.from({ length: 2 ** this.#groupBits }, () => []);
    this.#starts = new Uint32Array(this.#slabs.length * startsPerGroup);
  }

  get groups(): number {
    return this.#slabs.length;
  }

  get bytes(): number {
    const slabs = this.#slabs.reduce((sum, { length }) => sum + length, 0);
    return slabs * 2 ** slabBits * 4 + this.#starts.byteLength;
  }

  /** The group of a key's first word; ascending with it. */
  groupOf(word: number): number {
    return this.#groupBits === 0 ? 0 : word >>> (32 - this.#groupBits);
  }

  /** The slots of all runs that may hold the key; one may stand there twice. */
  candidates(key: Uint32Array): readonly number[] {
    const first = key[0] ?? 0;
    const group = this.groupOf(first);
    const slabs = this.#slabsOf(group);
    const place = group * startsPerGroup + this.#bucketOf(first);
    const end = this.#starts[place + 1] ?? 0;
    const tag = (key[1] ?? 0) >>> slotBits;
    let found: number[] | null = null;
    for (let at = this.#starts[place] ?? 0; at < end; ) {
      const slab = slabs[at >>> slabBits];
      assert(slab !== undefined, "a group has slabs for all its marks");
      const from = at & slabMask;
      const last = Math.min(slab.length, from + end - at);
      for (let mark = from; mark < last; mark += 1) {
        if ((slab[mark] ?? 0) >>> slotBits !== tag) continue;
        found ??= [];
        found.push((slab[mark] ?? 0) & slotMask);
      }
      at += last - from;
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

  /** Marks of a group: about what changing it costs. */
  marksOf(group: number): number {
    return this.#starts[(group + 1) * startsPerGroup - 1] ?? 0;
  }

  /** Adds keys of one group, and drops the marks of retired slots from it. */
  change(group: number, { words, marks, count }: KeyBatch): void {
    if (this.#anyDead) this.#sweep(group);
    if (count === 0) return;
    const added = this.#added.fill(0);
    for (let at = 0; at < count; at += 1) {
      const bucket = this.#bucketOf(words[at] ?? 0);
      added[bucket] = (added[bucket] ?? 0) + 1;
    }
    const ends = this.#makeRoom(group, added, count);
    const slabs = this.#slabsOf(group);
    for (let at = 0; at < count; at += 1) {
      const bucket = this.#bucketOf(words[at] ?? 0);
      const end = ends[bucket] ?? 0;
      putMark(slabs, end, marks[at] ?? 0);
      ends[bucket] = end + 1;
    }
  }

  #bucketOf(word: number): number {
    return (word << this.#groupBits) >>> (32 - bucketBits);
  }

  #slabsOf(group: number): Uint32Array[] {
    const slabs = this.#slabs[group];
    assert(slabs !== undefined, "a filter has the groups that it says");
    return slabs;
  }

  #startsOf(group: number): Uint32Array {
    return this.#starts.subarray(group * startsPerGroup, (group + 1) * startsPerGroup);
  }

  #sweep(group: number): void {
    const slabs = this.#slabsOf(group);
    const starts = this.#startsOf(group);
    let end = 0;
    let start = 0;
    for (let bucket = 0; bucket < bucketsPerGroup; bucket += 1) {
      const stop = starts[bucket + 1] ?? 0;
      for (let at = start; at < stop; at += 1) {
        const mark = markAt(slabs, at);
        if (this.#dead[mark & slotMask] === 1) continue;
        putMark(slabs, end, mark);
        end += 1;
      }
      start = stop;
      starts[bucket + 1] = end;
    }
  }

  /** Opens a gap at the end of each bucket; gives where the gaps begin. */
  #makeRoom(group: number, added: Uint32Array, total: number): Uint32Array {
    const starts = this.#startsOf(group);
    const slabs = this.#slabsOf(group);
    const needed = (starts[bucketsPerGroup] ?? 0) + total;
    while (slabs.length << slabBits < needed) slabs.push(new Uint32Array(2 ** slabBits));
    const ends = this.#ends;
    let shift = total;
    for (let bucket = bucketsPerGroup - 1; bucket >= 0; bucket -= 1) {
      const start = starts[bucket] ?? 0;
      const end = starts[bucket + 1] ?? 0;
      starts[bucket + 1] = end + shift;
      shift -= added[bucket] ?? 0;
      moveUp(slabs, { start, end, shift });
      ends[bucket] = end + shift;
    }
    return ends;
  }
}

function markAt(slabs: readonly Uint32Array[], at: number): number {
  return slabs[at >>> slabBits]?.[at & slabMask] ?? 0;
}

function putMark(slabs: readonly Uint32Array[], at: number, mark: number): void {
  const slab = slabs[at >>> slabBits];
  if (slab !== undefined) slab[at & slabMask] = mark;
}

/** From the end, since the place to go may overlap the place to come from. */
function moveUp(
  slabs: readonly Uint32Array[],
  { start, end, shift }: { start: number; end: number; shift: number },
): void {
  let at = end;
  while (at > start) {
    const source = slabs[(at - 1) >>> slabBits];
    const target = slabs[(at + shift - 1) >>> slabBits];
    assert(source !== undefined && target !== undefined, "a group has slabs for all its marks");
    const from = (at - 1) & slabMask;
    const to = (at + shift - 1) & slabMask;
    const count = Math.min(at - start, from + 1, to + 1);
    for (let moved = 0; moved < count; moved += 1) target[to - moved] = source[from - moved] ?? 0;
    at -= count;
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
