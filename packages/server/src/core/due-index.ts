// Which meters have something due when: a period ends, or has waited long enough. Meters of one
// schedule share these instants, here called ends, so a bucket per end and
// a small heap of ends is enough. Within an end meters are taken by id (D-50), whatever the order
// in which they were added, so that a restored state sweeps in the same order.
import type { EpochMs } from "./ports.ts";
import type { Meter } from "./state.ts";

export class DueIndex {
  readonly #buckets = new Map<EpochMs, Set<Meter>>();
  /** Binary min-heap of the buckets' ends. */
  readonly #ends: EpochMs[] = [];
  /** The bucket being swept. */
  #sweep: Sweep | null = null;

  add(meter: Meter): void {
    const { dueAt } = meter;
    let bucket = this.#buckets.get(dueAt);
    if (bucket === undefined) {
      bucket = new Set();
      this.#buckets.set(dueAt, bucket);
      pushEnd(this.#ends, dueAt);
    }
    bucket.add(meter);
    if (this.#sweep?.end === dueAt) this.#sweep = null;
  }

  /** Takes the meter out: before anything changes that may move what is due of it. */
  remove(meter: Meter): void {
    this.#buckets.get(meter.dueAt)?.delete(meter);
  }

  /** When something of any meter is due first. */
  earliest(): EpochMs | undefined {
    for (;;) {
      const end = this.#ends[0];
      if (end === undefined) return undefined;
      const bucket = this.#buckets.get(end);
      if (bucket !== undefined && bucket.size > 0) return end;
      this.#buckets.delete(end);
      popEnd(this.#ends);
    }
  }

  /** The next meter whose end is not after `time`; it stays until it is removed. */
  nextDue(time: EpochMs): Meter | undefined {
    const end = this.earliest();
    if (end === undefined || end > time) return undefined;
    const bucket = this.#buckets.get(end) ?? new Set<Meter>();
    if (this.#sweep === null || this.#sweep.end !== end) this.#sweep = new Sweep(end, bucket);
    return this.#sweep.firstOf(bucket);
  }

  /** Meters of which something is due and not closed or flushed yet. */
  dueCount(time: EpochMs): number {
    let count = 0;
    for (const [end, bucket] of this.#buckets) if (end <= time) count += bucket.size;
    return count;
  }
}

/**
 * The meters of one end by id. Sorting a hundred thousand at once would hold up everyone who writes,
 * so they are only divided by how their ids begin, and each part is sorted when its turn comes.
 */
class Sweep {
  readonly end: EpochMs;
  /** The last part comes first. */
  readonly #parts: Meter[][];
  #part: readonly Meter[] = [];
  #next = 0;

  constructor(end: EpochMs, bucket: ReadonlySet<Meter>) {
    this.end = end;
    const parts = new Map<number, Meter[]>();
    for (const meter of bucket) {
      const beginning = beginningOf(meter.id);
      const part = parts.get(beginning);
      if (part === undefined) parts.set(beginning, [meter]);
      else part.push(meter);
    }
    this.#parts = [...parts].sort(([a], [b]) => b - a).map(([, part]) => part);
  }

  /** The first meter that is still in the bucket. */
  firstOf(bucket: ReadonlySet<Meter>): Meter | undefined {
    for (;;) {
      const meter = this.#part[this.#next];
      if (meter === undefined) {
        const part = this.#parts.pop();
        if (part === undefined) return undefined;
        this.#part = part.sort(byMeterId);
        this.#next = 0;
      } else if (bucket.has(meter)) {
        return meter;
      } else {
        this.#next += 1;
      }
    }
  }
}

/** A number that orders ids as their first two UTF-16 units do; an id that has fewer comes first. */
function beginningOf(id: string): number {
  const first = id.length > 0 ? id.charCodeAt(0) + 1 : 0;
  const second = id.length > 1 ? id.charCodeAt(1) + 1 : 0;
  return first * 0x10001 + second;
}

/** Order of meters wherever one is seen: the order in which they were made never is. */
export function byMeterId(a: Meter, b: Meter): number {
  return a.id < b.id ? -1 : 1;
}

function pushEnd(heap: EpochMs[], end: EpochMs): void {
  let at = heap.push(end) - 1;
  while (at > 0) {
    const parent = (at - 1) >>> 1;
    const above = heap[parent] ?? 0;
    if (above <= end) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = end;
}

function popEnd(heap: EpochMs[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= heap.length) break;
    if ((heap[child + 1] ?? Number.POSITIVE_INFINITY) < (heap[child] ?? 0)) child += 1;
    const below = heap[child] ?? 0;
    if (below >= last) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
}
