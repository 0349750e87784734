// Many positions of one partition in little room: what an action on data correction works through,
// up to a hundred thousand at once. Rows are their form in the journal and in snapshots; typed arrays
// are their form in memory. It knows nothing of what stands at a position.
import type { Position } from "./output.ts";
import { assert } from "./problem.ts";

/** A position within its partition. */
export type Place = Pick<Position, "seq" | "index">;

/** One row for each entry, `[seq, index, index, …]`; all numbers ascend, none comes twice. */
export type PositionRows = readonly (readonly number[])[];

const form = /^(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})$/;
const indexMax = 0xffff_ffff;

/** What `positionText` wrote; undefined for any other text. */
export function readPosition(text: string): Position | undefined {
  const [, partition, seq, index] = form.exec(text) ?? [];
  const position = { partition: Number(partition), seq: Number(seq), index: Number(index) };
  const isWhole = Number.isSafeInteger(position.partition) && Number.isSafeInteger(position.seq);
  return isWhole && position.index <= indexMax ? position : undefined;
}

/** Sorts, and drops what comes twice. */
export function positionRows(places: Iterable<Place>): PositionRows {
  const sorted = [...places].sort(byPlace);
  const rows: number[][] = [];
  let row: number[] = [];
  for (const { seq, index } of sorted) {
    if (row[0] !== seq) {
      row = [seq];
      rows.push(row);
    }
    if (row.length === 1 || row.at(-1) !== index) row.push(index);
  }
  return rows;
}

export class PositionList {
  readonly length: number;
  readonly #seqs: Float64Array;
  readonly #indexes: Uint32Array;

  constructor(rows: PositionRows) {
    this.length = rows.reduce((sum, row) => sum + row.length - 1, 0);
    this.#seqs = new Float64Array(this.length);
    this.#indexes = new Uint32Array(this.length);
    let at = 0;
    for (const [seq, ...indexes] of rows) {
      assert(seq !== undefined, "a row begins with a sequence number");
      for (const index of indexes) {
        this.#seqs[at] = seq;
        this.#indexes[at] = index;
        at += 1;
      }
    }
  }

  at(place: number): Place {
    const seq = this.#seqs[place];
    const index = this.#indexes[place];
    assert(seq !== undefined && index !== undefined, "a place in the list");
    return { seq, index };
  }

  /** From `start`, at most `count`. */
  slice(start: number, count: number): readonly Place[] {
    const end = Math.min(this.length, start + count);
    return Array.from({ length: end - start }, (_, at) => this.at(start + at));
  }

  rows(): PositionRows {
    return positionRows(this.slice(0, this.length));
  }
}

function byPlace(a: Place, b: Place): number {
  return a.seq - b.seq || a.index - b.index;
}
