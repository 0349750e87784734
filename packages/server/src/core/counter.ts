// What a meter has counted in one period: its bounds, records, times, total and groups, and of each
// what belongs to the open quarter-hour (open-window.ts), all in one array (exact-cells.ts). It knows
// the numbers of groups, not what they stand for, and never closes itself.
import { type Amount, type Places, unitsOfOne } from "./amount.ts";
import { type Carried, carryFirst, carryLast } from "./carried-fields.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";
import type { WideRow } from "./exact-cells.ts";
import type { JsonValue } from "./json-value.ts";
import { cellsOfWindow, WindowedCells } from "./open-window.ts";
import type { EpochMs } from "./ports.ts";
import type { ThresholdWatch } from "./threshold-watch.ts";

// Places in the array of numbers. Behind the total stand groups: number of the group, its value, and
// its value in the open window.
const startAt = cellsOfWindow;
const endAt = startAt + 1;
const updatedAt = startAt + 2;
const countAt = startAt + 3;
const firstAt = startAt + 4;
const lastAt = startAt + 5;
const totalAt = startAt + 6;
const groupsAt = startAt + 7;
const perGroup = 3;

const groupBlanks: readonly number[] = new Array<number>(perGroup).fill(Number.NaN);

/** From this many groups on a map finds them. */
const mappedFrom = 24;

/**
 * A counter as plain data. Its numbers: start and minutes of the open window; start, end and last
 * change of the period, records, first and last time, total; number, value and value in the window of
 * each group; values of the window's minutes. Null is where no value is. Then their decimal places,
 * and last the values where they are not among the numbers.
 */
export type CounterRow = readonly [readonly (number | null)[], Places, WideRow];

/** What few counters have. */
interface Seldom {
  /** Places of groups by their number, once there are many. */
  byGroup: Map<number, number> | null;
  carryFirst: Carried;
  /** All but the one that stands in the counter. */
  carryLast: Carried;
  watch: ThresholdWatch | null;
}

export class Counter extends WindowedCells {
  /** Name and value of what was the first to be carried last: most meters carry nothing else. */
  #lastName: string | null = null;
  #lastValue: JsonValue = null;
  #seldom: Seldom | null = null;

  /** Nothing counted yet. `end` is the first instant of the next period. */
  constructor(start: EpochMs, end: EpochMs, updated: EpochMs) {
    const { NaN: none } = Number;
    super([none, 0, start, end, updated, 0, 0, 0, none, none]);
  }

  /** Takes the row as its own. */
  static fromRow([numbers, places, wide]: CounterRow): Counter {
    const counter = new Counter(0, 0, 0);
    const cells = numbers.map((number) => number ?? Number.NaN);
    counter.restore(cells, places, wide);
    if (counter.groups >= mappedFrom) counter.mapGroups();
    return counter;
  }

  /** Changes with the counter: for writing at once. */
  toRow(): CounterRow {
    // JSON writes null for NaN.
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
    const { unit } = this;
    if (typeof unit !== "number") return Number(unit[totalAt] ?? 0n) / 1e18;
    return (this.cells[totalAt] ?? 0) / (unitsOfOne[unit] ?? 1);
  }

  /** Null before the first record, and where the meter has no thresholds. */
  get watch(): ThresholdWatch | null {
    return this.#seldom?.watch ?? null;
  }

  set watch(watch: ThresholdWatch | null) {
    this.seldom.watch = watch;
  }

  get carryFirst(): Carried {
    return this.#seldom?.carryFirst ?? null;
  }

  get carryLast(): Carried {
    if (this.#lastName === null) return null;
    return [this.#lastName, this.#lastValue, ...(this.#seldom?.carryLast ?? [])];
  }

  /** Carries the first value of a field: one that is there already stays. */
  keepFirst(name: string, value: JsonValue): void {
    this.seldom.carryFirst = carryFirst(this.seldom.carryFirst, name, value);
  }

  /** Carries the last value of a field. */
  keepLast(name: string, value: JsonValue): void {
    if (this.#lastName === null || this.#lastName === name) {
      this.#lastName = name;
      this.#lastValue = value;
    } else {
      this.seldom.carryLast = carryLast(this.seldom.carryLast, name, value);
    }
  }

  /** How many groups there are. */
  get groups(): number {
    return (this.minuteValuesAt - groupsAt) / perGroup;
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
    if (count === 0) cells[firstAt] = now;
    this.add(totalAt, type, amount);
    cells[countAt] = count + 1;
    cells[lastAt] = now;
    cells[updatedAt] = now;
  }

  /** Counts one record into a group, and into what it has of an open window; false: it is not there. */
  takeInGroup(group: number, type: AggregationType, amount: Amount): boolean {
    const at = this.placeOf(group);
    if (at < 0) return false;
    this.add(at + 1, type, amount);
    if (this.hasWindow) this.add(at + 2, type, amount);
    return true;
  }

  /** The first record of a group that is not there. */
  addGroup(group: number, type: AggregationType, amount: Amount): void {
    const at = this.minuteValuesAt;
    this.insert(at, groupBlanks);
    this.cells[at] = group;
    const byGroup = this.#seldom?.byGroup ?? null;
    if (byGroup !== null) byGroup.set(group, at);
    else if (this.groups >= mappedFrom) this.mapGroups();
    this.takeInGroup(group, type, amount);
  }

  hasGroup(group: number): boolean {
    return this.placeOf(group) >= 0;
  }

  protected isValue(at: number): boolean {
    if (at === totalAt || at >= this.minuteValuesAt) return true;
    return at > groupsAt && (at - groupsAt) % perGroup > 0;
  }

  protected placeInWindow(group: number): number {
    return groupsAt + group * perGroup + 2;
  }

  protected get seldom(): Seldom {
    this.#seldom ??= { byGroup: null, carryFirst: null, carryLast: null, watch: null };
    return this.#seldom;
  }

  protected placeOf(group: number): number {
    const byGroup = this.#seldom?.byGroup ?? null;
    if (byGroup !== null) return byGroup.get(group) ?? -1;
    const { cells } = this;
    const end = this.minuteValuesAt;
    for (let at = groupsAt; at < end; at += perGroup) if (cells[at] === group) return at;
    return -1;
  }

  protected mapGroups(): void {
    const end = this.minuteValuesAt;
    const byGroup = new Map<number, number>();
    for (let at = groupsAt; at < end; at += perGroup) byGroup.set(this.cells[at] ?? 0, at);
    this.seldom.byGroup = byGroup;
  }
}
