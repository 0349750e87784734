// The quarter-hour that a counter counts into now: a value for each of its minutes, and one for each
// group of the counter. As in counter.ts, all numbers stand in one array of doubles, and move to
// Decimals where a double cannot carry them. It never rounds, and knows nothing of periods.
import { aggregate } from "./aggregation.ts";
import { Amount, type Places, unitsOfOne, unitsToDecimal } from "./amount.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";
import type { EpochMs } from "./ports.ts";
import { minuteMs } from "./time.ts";

/** Every offset of a modern zone is a multiple of it, so that it serves hours and days of all zones. */
export const quarterMs: number = 15 * minuteMs;

/** Decimal places of values that are Decimals. */
const widePlaces = 18;

// Places in the array: start and number of minutes; then minute and value in turns; then a value for
// each group, in the order of the counter's groups. NaN stands where a group has no value.
const startAt = 0;
const minutesAt = 1;
const firstMinuteAt = 2;
const perMinute = 2;

/** From this many groups on their array has spare room. */
const roomyFrom = 24;

/** One record of an increment meter: exactly 1. */
const one: Amount = new Amount();
one.read(1);

/** The array with null for NaN, the values' decimal places, and the values as text once wide. */
export type WindowRow = readonly [
  readonly (number | null)[],
  Places,
  readonly (string | null)[] | null,
];

/** A value as a whole number of 10^-places; as text where a double does not carry it. */
export type ScaledUnits = number | string;

/** The first instant of the quarter-hour that holds an instant. */
export function quarterOf(at: EpochMs): EpochMs {
  return Math.floor(at / quarterMs) * quarterMs;
}

export class OpenWindow {
  #cells: number[];
  #places: Places = 0;
  /** By place in the array; null where there is no value. */
  #wide: (Decimal | null)[] | null = null;

  /** `start` is the first instant of a quarter-hour. */
  constructor(start: EpochMs) {
    this.#cells = [start, 0];
  }

  static fromRow([cells, places, wide]: WindowRow): OpenWindow {
    const window = new OpenWindow(0);
    window.#cells = cells.map((cell) => cell ?? Number.NaN);
    window.#places = places;
    window.#wide = wide?.map((text) => (text === null ? null : BigInt(text))) ?? null;
    return window;
  }

  /** Changes with the window: for writing at once. */
  toRow(): WindowRow {
    const wide = this.#wide?.map((value) => (value === null ? null : String(value))) ?? null;
    // JSON writes null for NaN.
    return [this.#cells, this.#places, wide];
  }

  get start(): EpochMs {
    return this.#cells[startAt] ?? 0;
  }

  holds(at: EpochMs): boolean {
    const start = this.#cells[startAt] ?? 0;
    return at >= start && at < start + quarterMs;
  }

  /** Counts one record that stands at an instant of the quarter-hour. */
  take(at: EpochMs, type: AggregationType, amount: Amount): void {
    const minute = Math.floor((at - this.start) / minuteMs);
    this.#add(this.#placeOfMinute(minute), type, amount);
  }

  /** Counts the same record into the group that has this place among the counter's groups. */
  takeInGroup(index: number, type: AggregationType, amount: Amount): void {
    const at = this.#groupsAt + index;
    if (at >= this.#cells.length) this.#extend(at);
    this.#add(at, type, amount);
  }

  /** Decimal places of `minutes` and `groups`. */
  get places(): Places {
    return this.#wide === null ? this.#places : widePlaces;
  }

  /** Minute of the quarter-hour and value in turns, the minutes in order of appearance. */
  minutes(): readonly ScaledUnits[] {
    const turns: ScaledUnits[] = [];
    for (let at = firstMinuteAt; at < this.#groupsAt; at += perMinute) {
      turns.push(this.#cells[at] ?? 0, this.#scaledAt(at + 1) ?? 0);
    }
    return turns;
  }

  /** How many of the counter's groups may have a value here. */
  get groups(): number {
    return this.#cells.length - this.#groupsAt;
  }

  /** Null: nothing was counted into the group in this quarter-hour. */
  group(index: number): ScaledUnits | null {
    return this.#scaledAt(this.#groupsAt + index);
  }

  get #groupsAt(): number {
    return firstMinuteAt + perMinute * (this.#cells[minutesAt] ?? 0);
  }

  #scaledAt(at: number): ScaledUnits | null {
    if (this.#wide !== null) {
      const value = this.#wide[at] ?? null;
      return value === null ? null : String(value);
    }
    const units = this.#cells[at] ?? Number.NaN;
    return Number.isNaN(units) ? null : units;
  }

  /** Most records belong to the latest minute. */
  #placeOfMinute(minute: number): number {
    const cells = this.#cells;
    const end = this.#groupsAt;
    for (let at = end - perMinute; at >= firstMinuteAt; at -= perMinute) {
      if (cells[at] === minute) return at + 1;
    }
    const groups = cells.slice(end);
    this.#cells = cells.slice(0, end).concat(minute, Number.NaN, groups);
    this.#cells[minutesAt] = (cells[minutesAt] ?? 0) + 1;
    this.#wide?.splice(end, 0, null, null);
    return end + 1;
  }

  #extend(at: number): void {
    // A copy has no spare room: most counters have few groups, and there may be a million counters.
    while (this.#cells.length <= at) {
      if (this.groups < roomyFrom) this.#cells = this.#cells.concat(Number.NaN);
      else this.#cells.push(Number.NaN);
      this.#wide?.push(null);
    }
  }

  #add(at: number, type: AggregationType, amount: Amount): void {
    const added = type === "increment" ? one : amount;
    const units = this.#unitsOf(added);
    if (this.#wide !== null) {
      this.#addWide(at, type, added);
      return;
    }
    const cells = this.#cells;
    const before = cells[at] ?? Number.NaN;
    if (Number.isNaN(before)) cells[at] = units;
    else if (type === "max") {
      if (units > before) cells[at] = units;
    } else if (type === "min") {
      if (units < before) cells[at] = units;
    } else {
      const sum = before + units;
      if (Number.isSafeInteger(sum)) cells[at] = sum;
      else this.#addWide(at, type, added);
    }
  }

  #addWide(at: number, type: AggregationType, amount: Amount): void {
    const wide = this.#widened();
    wide[at] = aggregate(type, wide[at] ?? null, amount.decimal);
  }

  /** The amount in units of this window, whose values are widened where it cannot be. */
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
    const cells = this.#cells;
    const largest = Number.MAX_SAFE_INTEGER / scale;
    for (const at of this.#values()) if (Math.abs(cells[at] ?? 0) > largest) return false;
    for (const at of this.#values()) cells[at] = (cells[at] ?? 0) * scale;
    this.#places = places;
    return true;
  }

  #widened(): (Decimal | null)[] {
    if (this.#wide !== null) return this.#wide;
    const wide: (Decimal | null)[] = this.#cells.map(() => null);
    for (const at of this.#values()) {
      const units = this.#cells[at] ?? Number.NaN;
      if (!Number.isNaN(units)) wide[at] = unitsToDecimal(units, this.#places);
    }
    this.#wide = wide;
    return wide;
  }

  /** Places that hold values. */
  *#values(): Generator<number> {
    const end = this.#groupsAt;
    for (let at = firstMinuteAt + 1; at < end; at += perMinute) yield at;
    for (let at = end; at < this.#cells.length; at += 1) yield at;
  }
}

/** The amount that scaled units stand for. */
export function scaledToDecimal(units: ScaledUnits, places: Places): Decimal {
  return BigInt(units) * 10n ** BigInt(widePlaces - places);
}
