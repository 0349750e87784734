// Which runs may hold a key, for keys of all runs together: 32 bits each, packed in buckets by the
// key's leading bits, 22 further bits of the key beside a run's slot of ten bits. One look touches
// one bucket, however many runs there are. It may name a run that lacks the key, never the reverse.
import { assert } from "./problem.ts";

/** Runs that can be told apart. */
export const runSlotsMax = 1_023;

const slotBits = 10;
const slotMask: number = 2 ** slotBits - 1;
const bucketBits = 7;
/** Buckets of a group, which has one array for them all. */
const bucketsPerGroup: number = 2 ** bucketBits;
/** Keys of a bucket when the filter is new. */
const keysPerBucket = 2;
const groupBitsMax = 20;
const roomToSpare = 17 / 16;
const nobody: readonly number[] = [];

interface Group {
  marks: Uint32Array;
  /** Where each bucket begins; its end is the next one's begin. */
  readonly starts: Uint32Array;
}

export class OldIdFilter {
  readonly #groupBits: number;
  readonly #groups: Group[];
  /** Slots whose marks go when their group is next changed. */
  readonly #dead = new Uint8Array(2 ** slotBits);
  #anyDead = false;
  readonly #added = new Uint32Array(bucketsPerGroup);

  /** Best for about as many keys and some ten times more; right for any number. */
  constructor(keys: number) {
    const bits = Math.ceil(Math.log2(Math.max(1, keys / keysPerBucket / bucketsPerGroup)));
    this.#groupBits = Math.min(groupBitsMax, bits);
    this.#groups = Array.from({ length: 2 ** this.#groupBits }, () => ({
      marks: new Uint32Array(0),
      starts: new Uint32Array(bucketsPerGroup + 1),
    }));
  }

  get groups(): number {
    return this.#groups.length;
  }

  get bytes(): number {
    const bytes = this.#groups.reduce((sum, { marks }) => sum + marks.byteLength, 0);
    return bytes + this.#groups.length * (bucketsPerGroup + 1) * 4;
  }

  /** The group of a key's first word; ascending with it. */
  groupOf(word: number): number {
    return this.#groupBits === 0 ? 0 : word >>> (32 - this.#groupBits);
  }

  /** The slots of all runs that may hold the key; one may stand there twice. */
  candidates(key: Uint32Array): readonly number[] {
    const first = key[0] ?? 0;
    const group = this.#groups[this.groupOf(first)];
    if (group === undefined) return nobody;
    const bucket = this.#bucketOf(first);
    const { marks, starts } = group;
    const end = starts[bucket + 1] ?? 0;
    const tag = (key[1] ?? 0) >>> slotBits;
    let found: number[] | null = null;
    for (let at = starts[bucket] ?? 0; at < end; at += 1) {
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
    const changed = this.#groups[group];
    assert(changed !== undefined, "a filter has the groups that it says");
    if (this.#anyDead) this.#sweep(changed);
    if (count === 0) return;
    const added = this.#added.fill(0);
    for (let at = 0; at < count; at += 1) {
      const bucket = this.#bucketOf(words[at] ?? 0);
      added[bucket] = (added[bucket] ?? 0) + 1;
    }
    const ends = makeRoom(changed, added, count);
    for (let at = 0; at < count; at += 1) {
      const bucket = this.#bucketOf(words[at] ?? 0);
      const end = ends[bucket] ?? 0;
      changed.marks[end] = marks[at] ?? 0;
      ends[bucket] = end + 1;
    }
  }

  #bucketOf(word: number): number {
    return (word << this.#groupBits) >>> (32 - bucketBits);
  }

  #sweep({ marks, starts }: Group): void {
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

/** Opens a gap at the end of each bucket; gives where the gaps begin. */
function makeRoom(group: Group, added: Uint32Array, total: number): Uint32Array {
  const { starts } = group;
  const needed = (starts[bucketsPerGroup] ?? 0) + total;
  const old = group.marks;
  // Some room to spare, so that most runs to come need no new array.
  if (needed > old.length)
    group.marks = new Uint32Array(old.length === 0 ? needed : Math.ceil(needed * roomToSpare));
  const ends = new Uint32Array(bucketsPerGroup);
  let shift = total;
  for (let bucket = bucketsPerGroup - 1; bucket >= 0; bucket -= 1) {
    const start = starts[bucket] ?? 0;
    const end = starts[bucket + 1] ?? 0;
    starts[bucket + 1] = end + shift;
    shift -= added[bucket] ?? 0;
    if (group.marks === old) old.copyWithin(start + shift, start, end);
    else group.marks.set(old.subarray(start, end), start + shift);
    ends[bucket] = end + shift;
  }
  return ends;
}
