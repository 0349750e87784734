// What a meter has counted in one period: its bounds, records, times, total and groups, all in one
// array (exact-cells.ts). It knows the numbers of groups, not what they stand for, and never closes
// itself.
import { type Amount, type Places, unitsOfOne } from "./amount.ts";
import type { Carried } from "./carried-fields.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";
import { ExactCells, type WideRow } from "./exact-cells.ts";
import type { OpenWindow } from "./open-window.ts";
import type { EpochMs } from "./ports.ts";
import type { ThresholdWatch } from "./threshold-watch.ts";

// Places in the array of numbers. Behind the total stand groups: number of the group, then value.
const startAt = 0;
const endAt = 1;
const updatedAt = 2;
const countAt = 3;
const firstAt = 4;
const lastAt = 5;
const totalAt = 6;
const groupsAt = 7;
const perGroup = 2;

/** From this many groups on a map finds them, and their array has spare room. */
const mappedFrom = 24;

/**
 * A counter as plain data. Its numbers: start, end and last change of the period, records, first and
 * last time, total, then number and value of each group. Then their decimal places, and last the
 * total and the values of groups where they are not among the numbers.
 */
export type CounterRow = readonly [readonly number[], Places, WideRow];

export class Counter extends ExactCells {
  /** Places of groups by their number, once there are many. */
  #byGroup: Map<number, number> | null = null;
  carryFirst: Carried = null;
  carryLast: Carried = null;
  /** Null before the first record, and where the meter has no thresholds. */
  watch: ThresholdWatch | null = null;
  /** The quarter-hour that is counted into now; null before the first record. */
  window: OpenWindow | null = null;

  /** Nothing counted yet. `end` is the first instant of the next period. */
  constructor(start: EpochMs, end: EpochMs, updated: EpochMs) {
    super([start, end, updated, 0, 0, 0, 0]);
  }

  protected get firstValueAt(): number {
    return totalAt;
  }

  protected get valueStep(): number {
    return perGroup;
  }

  /** Takes the row's array of numbers for its own. */
  static fromRow([numbers, places, wide]: CounterRow): Counter {
    const counter = new Counter(0, 0, 0);
    counter.restore(numbers as number[], places, wide);
    if (counter.groups >= mappedFrom) counter.#map();
    return counter;
  }

  /** Changes with the counter: for writing at once. */
  toRow(): CounterRow {
    return [this.cells, this.places, this.wideRow()];
  }

  get periodStart(): EpochMs {
    return this.cells[startAt] ?? 0;
  }

  get periodEnd(): EpochMs {
    return this.cells[endAt] ?? 0;
  }

  set periodEnd(end: EpochMs) {
    this.cells[endAt] = end;
  }

  /** The last change of the meter in this period, by counting or otherwise. */
  get updatedAt(): EpochMs {
    return this.cells[updatedAt] ?? 0;
  }

  set updatedAt(time: EpochMs) {
    this.cells[updatedAt] = time;
  }

  /** Records counted. */
  get count(): number {
    return this.cells[countAt] ?? 0;
  }

  /** Times of the entries that counted the first and the last record; 0 before. */
  get firstAt(): EpochMs {
    return this.cells[firstAt] ?? 0;
  }

  get lastAt(): EpochMs {
    return this.cells[lastAt] ?? 0;
  }

  /** Null: nothing counted yet, so that the first record always wins in max and min (D-42). */
  get value(): Decimal | null {
    return this.count === 0 ? null : (this.valueAt(totalAt) ?? 0n);
  }

  /** The total as the nearest double or so: only for telling what is far away. */
  get approximate(): number {
    if (this.wide !== null) return Number(this.wide[totalAt] ?? 0n) / 1e18;
    return (this.cells[totalAt] ?? 0) / (unitsOfOne[this.places] ?? 1);
  }

  /** How many groups there are. */
  get groups(): number {
    return (this.cells.length - groupsAt) / perGroup;
  }

  /** Number of a group, by order of appearance. */
  groupNumber(index: number): number {
    return this.cells[groupsAt + index * perGroup] ?? 0;
  }

  groupValue(index: number): Decimal {
    return this.valueAt(groupsAt + index * perGroup + 1) ?? 0n;
  }

  /** Counts one record at `now`. */
  take(type: AggregationType, amount: Amount, now: EpochMs): void {
    const { cells } = this;
    const count = cells[countAt] ?? 0;
    if (count === 0) {
      this.clear(totalAt);
      cells[firstAt] = now;
    }
    this.add(totalAt, type, amount);
    cells[countAt] = count + 1;
    cells[lastAt] = now;
    cells[updatedAt] = now;
  }

  /** Counts one record into a group; gives its place among the groups, -1 when it is not there. */
  takeInGroup(group: number, type: AggregationType, amount: Amount): number {
    const at = this.#placeOf(group);
    if (at < 0) return -1;
    this.add(at + 1, type, amount);
    return (at - groupsAt) / perGroup;
  }

  /** The first record of a group that is not there. */
  addGroup(group: number, type: AggregationType, amount: Amount): void {
    const at = this.cells.length;
    // A copy has no spare room: most counters have few groups, and there may be a million counters.
    if (this.groups < mappedFrom) this.cells = this.cells.concat(group, Number.NaN);
    else this.cells.push(group, Number.NaN);
    this.wide?.push(null, null);
    this.add(at + 1, type, amount);
    if (this.#byGroup !== null) this.#byGroup.set(group, at);
    else if (this.groups >= mappedFrom) this.#map();
  }

  hasGroup(group: number): boolean {
    return this.#placeOf(group) >= 0;
  }

  #placeOf(group: number): number {
    if (this.#byGroup !== null) return this.#byGroup.get(group) ?? -1;
    const { cells } = this;
    for (let at = groupsAt; at < cells.length; at += perGroup) {
      if (cells[at] === group) return at;
    }
    return -1;
  }

  #map(): void {
    const byGroup = new Map<number, number>();
    for (let at = groupsAt; at < this.cells.length; at += perGroup) {
      byGroup.set(this.cells[at] ?? 0, at);
    }
    this.#byGroup = byGroup;
  }
}
