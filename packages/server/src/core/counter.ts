// What a meter has counted in one period. All its numbers stand in one array of doubles: a record
// then touches one piece of memory instead of one for each number, and makes no garbage. Values that
// a double cannot carry exactly move, all of them, to an array of Decimals. Nothing rounds.
import { aggregate } from "./aggregation.ts";
import { Amount, type Places, unitsOfOne, unitsToDecimal } from "./amount.ts";
import type { Carried } from "./carried-fields.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";
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

/** One record of an increment meter: exactly 1. */
const one: Amount = new Amount();
one.read(1);

/**
 * A counter as plain data. Its numbers: start, end and last change of the period, records, first and
 * last time, total, then number and value of each group. Then their decimal places, and last the
 * total and the values of groups where they are not among the numbers.
 */
export type CounterRow = readonly [readonly number[], Places, readonly string[] | null];

export class Counter {
  #numbers: number[];
  #places: Places = 0;
  #wide: Decimal[] | null = null;
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
    this.#numbers = [start, end, updated, 0, 0, 0, 0];
  }

  /** Takes the row's array of numbers for its own. */
  static fromRow([numbers, places, wide]: CounterRow): Counter {
    const counter = new Counter(0, 0, 0);
    counter.#numbers = numbers as number[];
    counter.#places = places;
    counter.#wide = wide === null ? null : wide.map(BigInt);
    if (counter.groups >= mappedFrom) counter.#map();
    return counter;
  }

  /** Changes with the counter: for writing at once. */
  toRow(): CounterRow {
    return [this.#numbers, this.#places, this.#wide === null ? null : this.#wide.map(String)];
  }

  get periodStart(): EpochMs {
    return this.#numbers[startAt] ?? 0;
  }

  get periodEnd(): EpochMs {
    return this.#numbers[endAt] ?? 0;
  }

  set periodEnd(end: EpochMs) {
    this.#numbers[endAt] = end;
  }

  /** The last change of the meter in this period, by counting or otherwise. */
  get updatedAt(): EpochMs {
    return this.#numbers[updatedAt] ?? 0;
  }

  set updatedAt(time: EpochMs) {
    this.#numbers[updatedAt] = time;
  }

  /** Records counted. */
  get count(): number {
    return this.#numbers[countAt] ?? 0;
  }

  /** Times of the entries that counted the first and the last record; 0 before. */
  get firstAt(): EpochMs {
    return this.#numbers[firstAt] ?? 0;
  }

  get lastAt(): EpochMs {
    return this.#numbers[lastAt] ?? 0;
  }

  /** Null: nothing counted yet, so that the first record always wins in max and min (D-42). */
  get value(): Decimal | null {
    return this.count === 0 ? null : this.#valueAt(totalAt);
  }

  /** The total as the nearest double or so: only for telling what is far away. */
  get approximate(): number {
    if (this.#wide !== null) return Number(this.#wide[0] ?? 0n) / 1e18;
    return (this.#numbers[totalAt] ?? 0) / (unitsOfOne[this.#places] ?? 1);
  }

  /** How many groups there are. */
  get groups(): number {
    return (this.#numbers.length - groupsAt) / perGroup;
  }

  /** Number of a group, by order of appearance. */
  groupNumber(index: number): number {
    return this.#numbers[groupsAt + index * perGroup] ?? 0;
  }

  groupValue(index: number): Decimal {
    return this.#valueAt(groupsAt + index * perGroup + 1);
  }

  /** Counts one record at `now`. */
  take(type: AggregationType, amount: Amount, now: EpochMs): void {
    const numbers = this.#numbers;
    const count = numbers[countAt] ?? 0;
    if (count === 0) {
      this.#put(totalAt, type, amount);
      numbers[firstAt] = now;
    } else {
      this.#add(totalAt, type, amount);
    }
    numbers[countAt] = count + 1;
    numbers[lastAt] = now;
    numbers[updatedAt] = now;
  }

  /** Counts one record into a group; gives its place among the groups, -1 when it is not there. */
  takeInGroup(group: number, type: AggregationType, amount: Amount): number {
    const at = this.#placeOf(group);
    if (at < 0) return -1;
    this.#add(at + 1, type, amount);
    return (at - groupsAt) / perGroup;
  }

  /** The first record of a group that is not there. */
  addGroup(group: number, type: AggregationType, amount: Amount): void {
    const at = this.#numbers.length;
    // A copy has no spare room: most counters have few groups, and there may be a million counters.
    if (this.groups < mappedFrom) this.#numbers = this.#numbers.concat(group, 0);
    else this.#numbers.push(group, 0);
    this.#wide?.push(0n);
    this.#put(at + 1, type, amount);
    if (this.#byGroup !== null) this.#byGroup.set(group, at);
    else if (this.groups >= mappedFrom) this.#map();
  }

  hasGroup(group: number): boolean {
    return this.#placeOf(group) >= 0;
  }

  #placeOf(group: number): number {
    if (this.#byGroup !== null) return this.#byGroup.get(group) ?? -1;
    const numbers = this.#numbers;
    for (let at = groupsAt; at < numbers.length; at += perGroup) {
      if (numbers[at] === group) return at;
    }
    return -1;
  }

  #map(): void {
    const byGroup = new Map<number, number>();
    for (let at = groupsAt; at < this.#numbers.length; at += perGroup) {
      byGroup.set(this.#numbers[at] ?? 0, at);
    }
    this.#byGroup = byGroup;
  }

  #valueAt(at: number): Decimal {
    if (this.#wide !== null) return this.#wide[wideAt(at)] ?? 0n;
    return unitsToDecimal(this.#numbers[at] ?? 0, this.#places);
  }

  /** The first amount of a value. */
  #put(at: number, type: AggregationType, amount: Amount): void {
    const first = type === "increment" ? one : amount;
    const units = this.#unitsOf(first);
    if (this.#wide === null) this.#numbers[at] = units;
    else this.#wide[wideAt(at)] = first.decimal;
  }

  #add(at: number, type: AggregationType, amount: Amount): void {
    const added = type === "increment" ? one : amount;
    const units = this.#unitsOf(added);
    if (this.#wide !== null) {
      this.#addWide(at, type, added);
      return;
    }
    const numbers = this.#numbers;
    const before = numbers[at] ?? 0;
    if (type === "max") {
      if (units > before) numbers[at] = units;
    } else if (type === "min") {
      if (units < before) numbers[at] = units;
    } else {
      const sum = before + units;
      if (Number.isSafeInteger(sum)) numbers[at] = sum;
      else this.#addWide(at, type, added);
    }
  }

  #addWide(at: number, type: AggregationType, amount: Amount): void {
    const wide = this.#widened();
    wide[wideAt(at)] = aggregate(type, wide[wideAt(at)] ?? null, amount.decimal);
  }

  /** The amount in units of this counter, whose values are widened where it cannot be. */
  #unitsOf(amount: Amount): number {
    const { units, places } = amount;
    if (this.#wide !== null) return 0;
    if (amount.wide === null) {
      if (places === this.#places) return units;
      if (places < this.#places) {
        const scaled = units * (unitsOfOne[this.#places - places] ?? 1);
        if (Number.isSafeInteger(scaled)) return scaled;
      } else if (this.#refine(places)) {
        return units;
      }
    }
    this.#widened();
    return 0;
  }

  /** Gives all values more decimal places; false, and nothing changes, when one would not fit. */
  #refine(places: Places): boolean {
    const scale = unitsOfOne[places - this.#places] ?? 1;
    const numbers = this.#numbers;
    const largest = Number.MAX_SAFE_INTEGER / scale;
    for (let at = totalAt; at < numbers.length; at += perGroup) {
      if (Math.abs(numbers[at] ?? 0) > largest) return false;
    }
    for (let at = totalAt; at < numbers.length; at += perGroup) {
      numbers[at] = (numbers[at] ?? 0) * scale;
    }
    this.#places = places;
    return true;
  }

  #widened(): Decimal[] {
    if (this.#wide !== null) return this.#wide;
    const wide: Decimal[] = [];
    for (let at = totalAt; at < this.#numbers.length; at += perGroup) wide.push(this.#valueAt(at));
    this.#wide = wide;
    return wide;
  }
}

/** The total and the values of groups stand at every second place. */
function wideAt(at: number): number {
  return (at - totalAt) / perGroup;
}
