// Which meters' periods end when. Meters of one schedule share their ends, so a bucket per end and
// a small heap of ends is enough. Within an end meters are taken by id (D-50), whatever the order
// in which they were added, so that a restored state sweeps in the same order.
import type { EpochMs } from "./ports.ts";
import type { Meter } from "./state.ts";

export class DueIndex {
  readonly #buckets = new Map<EpochMs, Set<Meter>>();
  /** Binary min-heap of the buckets' ends. */
  readonly #ends: EpochMs[] = [];
  /** The bucket being swept, sorted once. */
  #sweep: { readonly end: EpochMs; readonly meters: Meter[]; next: number } | null = null;

  add(meter: Meter): void {
    let bucket = this.#buckets.get(meter.periodEnd);
    if (bucket === undefined) {
      bucket = new Set();
      this.#buckets.set(meter.periodEnd, bucket);
      pushEnd(this.#ends, meter.periodEnd);
    }
    bucket.add(meter);
    if (this.#sweep?.end === meter.periodEnd) this.#sweep = null;
  }

  /** Takes the meter out from under its present end. */
  remove(meter: Meter): void {
    this.#buckets.get(meter.periodEnd)?.delete(meter);
  }

  /** Earliest end that any meter has. */
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
    if (this.#sweep === null || this.#sweep.end !== end) {
      this.#sweep = { end, meters: [...bucket].sort(byMeterId), next: 0 };
    }
    const sweep = this.#sweep;
    while (sweep.next < sweep.meters.length) {
      const meter = sweep.meters[sweep.next];
      if (meter !== undefined && bucket.has(meter)) return meter;
      sweep.next += 1;
    }
    return undefined;
  }

  /** Meters whose period has ended and is not closed yet. */
  dueCount(time: EpochMs): number {
    let count = 0;
    for (const [end, bucket] of this.#buckets) if (end <= time) count += bucket.size;
    return count;
  }
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
