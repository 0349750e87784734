// Which data-correction items of one processor wait, by position: so that closing one is decided when
// an entry is applied, each exactly once. Items are added in the order of their positions, so sorted
// typed arrays hold a million of them in some 13 MB. What an item says is the projection's.
import type { Place } from "./position-list.ts";
import { assert } from "./problem.ts";

const roomMin = 16;

export class WaitingItems {
  #seqs = new Float64Array(roomMin);
  #indexes = new Uint32Array(roomMin);
  /** 1 for an item that waits no more. */
  #gone = new Uint8Array(roomMin);
  #length = 0;
  #size = 0;

  /** Items that wait. */
  get size(): number {
    return this.#size;
  }

  /** A new item: its position is after those of all before. */
  add({ seq, index }: Place): void {
    const last = this.#length - 1;
    const isAfter = last < 0 || this.#compare(last, { seq, index }) < 0;
    assert(isAfter, "items begin to wait in the order of their positions");
    if (this.#length === this.#seqs.length) this.#copyTo(this.#length * 2);
    this.#seqs[this.#length] = seq;
    this.#indexes[this.#length] = index;
    this.#gone[this.#length] = 0;
    this.#length += 1;
    this.#size += 1;
  }

  has(place: Place): boolean {
    return this.#find(place) >= 0;
  }

  /** False when it does not wait. */
  remove(place: Place): boolean {
    const at = this.#find(place);
    if (at < 0) return false;
    this.#gone[at] = 1;
    this.#size -= 1;
    const isSparse = this.#length > roomMin && this.#size * 2 < this.#length;
    if (isSparse) this.#copyTo(Math.max(roomMin, this.#size * 2));
    return true;
  }

  /** Sequence and index of each in turn, at most `itemsMax` items a piece; for snapshots. */
  *pieces(itemsMax: number): Generator<readonly number[]> {
    let piece: number[] = [];
    for (let at = 0; at < this.#length; at += 1) {
      if (this.#gone[at] === 1) continue;
      piece.push(this.#seqs[at] ?? 0, this.#indexes[at] ?? 0);
      if (piece.length < itemsMax * 2) continue;
      yield piece;
      piece = [];
    }
    if (piece.length > 0) yield piece;
  }

  /** The next piece of a snapshot. */
  load(piece: readonly number[]): void {
    for (let at = 0; at + 1 < piece.length; at += 2) {
      this.add({ seq: piece[at] ?? 0, index: piece[at + 1] ?? 0 });
    }
  }

  /** -1 for what does not wait. */
  #find(place: Place): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, place) < 0) low = middle + 1;
      else high = middle;
    }
    const isThere = low < this.#length && this.#compare(low, place) === 0;
    return isThere && this.#gone[low] === 0 ? low : -1;
  }

  #compare(at: number, { seq, index }: Place): number {
    return (this.#seqs[at] ?? 0) - seq || (this.#indexes[at] ?? 0) - index;
  }

  /** Into arrays of another size, without what is gone. */
  #copyTo(room: number): void {
    const [seqs, indexes] = [new Float64Array(room), new Uint32Array(room)];
    let length = 0;
    for (let at = 0; at < this.#length; at += 1) {
      if (this.#gone[at] === 1) continue;
      seqs[length] = this.#seqs[at] ?? 0;
      indexes[length] = this.#indexes[at] ?? 0;
      length += 1;
    }
    this.#seqs = seqs;
    this.#indexes = indexes;
    this.#gone = new Uint8Array(room);
    this.#length = length;
  }
}
