// The quarter-hour that a counter counts into now: a value for each of its minutes, and one for each
// group of the counter, all in one array (exact-cells.ts). It knows nothing of periods.
import type { Amount, Places } from "./amount.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";
import { ExactCells, type WideRow } from "./exact-cells.ts";
import type { EpochMs } from "./ports.ts";
import { minuteMs } from "./time.ts";

/** Every offset of a modern zone is a multiple of it, so that it serves hours and days of all zones. */
export const quarterMs: number = 15 * minuteMs;

/** Decimal places of values that are Decimals. */
const widePlaces = 18;

// Places in the array: start, a bit for each minute that has a value, how many places there are for
// groups; then these, in the order of the counter's groups; then the values of minutes, in order. NaN
// stands where there is no value.
const startAt = 0;
const minutesAt = 1;
const groupCountAt = 2;
const groupsAt = 3;
const minutesPerQuarter = 15;

/** Room that is made at once: to make it takes longer than to fill it. */
const room: readonly number[] = [Number.NaN, Number.NaN];
/** From this many groups on it is half as many. */
const roomyFrom = 24;

/** The array with null for NaN, the values' decimal places, and the values as text once wide. */
export type WindowRow = readonly [readonly (number | null)[], Places, WideRow];

/** A value as a whole number of 10^-places; as text where a double does not carry it. */
export type ScaledUnits = number | string;

/** The first instant of the quarter-hour that holds an instant. */
export function quarterOf(at: EpochMs): EpochMs {
  return Math.floor(at / quarterMs) * quarterMs;
}

export class OpenWindow extends ExactCells {
  /** `start` is the first instant of a quarter-hour; `groups` are expected. */
  constructor(start: EpochMs, groups = 0) {
    super(blank(groups));
    this.cells[startAt] = start;
  }

  protected get firstValueAt(): number {
    return groupsAt;
  }

  protected get valueStep(): number {
    return 1;
  }

  static fromRow([cells, places, wide]: WindowRow): OpenWindow {
    const window = new OpenWindow(0);
    window.restore(
      cells.map((cell) => cell ?? Number.NaN),
      places,
      wide,
    );
    return window;
  }

  /** Changes with the window: for writing at once. */
  toRow(): WindowRow {
    // JSON writes null for NaN.
    return [this.cells, this.places, this.wideRow()];
  }

  get start(): EpochMs {
    return this.cells[startAt] ?? 0;
  }

  holds(at: EpochMs): boolean {
    const start = this.cells[startAt] ?? 0;
    return at >= start && at < start + quarterMs;
  }

  /** Counts one record that stands at an instant of the quarter-hour. */
  take(at: EpochMs, type: AggregationType, amount: Amount): void {
    const minute = Math.floor((at - this.start) / minuteMs);
    this.add(this.#placeOfMinute(minute), type, amount);
  }

  /** Counts the same record into the group that has this place among the counter's groups. */
  takeInGroup(index: number, type: AggregationType, amount: Amount): void {
    const groups = this.groups;
    if (index >= groups) this.#makeRoomForGroups(index + 1 - groups);
    this.add(groupsAt + index, type, amount);
  }

  /** Decimal places of `minutes` and `groups`. */
  get scale(): Places {
    return this.wide === null ? this.places : widePlaces;
  }

  /** Minute of the quarter-hour and value in turns. */
  minutes(): readonly ScaledUnits[] {
    const turns: ScaledUnits[] = [];
    const minutes = this.cells[minutesAt] ?? 0;
    let at = groupsAt + this.groups;
    for (let minute = 0; minute < minutesPerQuarter; minute += 1) {
      if ((minutes & (1 << minute)) === 0) continue;
      turns.push(minute, this.#scaledAt(at) ?? 0);
      at += 1;
    }
    return turns;
  }

  /** For how many of the counter's groups there is a place. */
  get groups(): number {
    return this.cells[groupCountAt] ?? 0;
  }

  /** Null: nothing was counted into the group in this quarter-hour. */
  group(index: number): ScaledUnits | null {
    return index < this.groups ? this.#scaledAt(groupsAt + index) : null;
  }

  #scaledAt(at: number): ScaledUnits | null {
    if (this.wide !== null) {
      const value = this.wide[at] ?? null;
      return value === null ? null : String(value);
    }
    const units = this.cells[at] ?? Number.NaN;
    return Number.isNaN(units) ? null : units;
  }

  #placeOfMinute(minute: number): number {
    const minutes = this.cells[minutesAt] ?? 0;
    const bit = 1 << minute;
    const first = groupsAt + this.groups;
    const at = first + ones(minutes & (bit - 1));
    if ((minutes & bit) !== 0) return at;
    const end = first + ones(minutes);
    if (end >= this.cells.length) this.#makeRoom(end, room);
    // Mostly there is nothing to move: the latest minute comes last.
    for (let to = end; to > at; to -= 1) this.#move(to - 1, to);
    this.cells[at] = Number.NaN;
    if (this.wide !== null) this.wide[at] = null;
    this.cells[minutesAt] = minutes | bit;
    return at;
  }

  #move(from: number, to: number): void {
    this.cells[to] = this.cells[from] ?? Number.NaN;
    if (this.wide !== null) this.wide[to] = this.wide[from] ?? null;
  }

  #makeRoomForGroups(missing: number): void {
    const groups = this.groups;
    const more = groups < roomyFrom ? room.length : groups >> 1;
    const added = Math.max(missing, more);
    const space = added === room.length ? room : Array.from({ length: added }, () => Number.NaN);
    this.#makeRoom(groupsAt + groups, space);
    this.cells[groupCountAt] = groups + added;
  }

  /** A copy has no spare room: there may be a million counters. */
  #makeRoom(at: number, space: readonly number[]): void {
    const cells = this.cells;
    if (at === cells.length) this.cells = cells.concat(space);
    else this.cells = cells.slice(0, at).concat(space, cells.slice(at));
    this.wide?.splice(at, 0, ...space.map(() => null));
  }
}

/** Arrays to be copied, by number of groups: a copy takes less time than making one. */
const blanks: readonly (readonly number[])[] = Array.from({ length: roomyFrom }, (_, groups) =>
  newCells(groups),
);

function blank(groups: number): number[] {
  return (blanks[groups] ?? newCells(groups)).slice();
}

/** No values, and places for so many groups and one minute. */
function newCells(groups: number): readonly number[] {
  const cells = [Number.NaN, 0, groups, Number.NaN];
  for (let group = 0; group < groups; group += 1) cells.push(Number.NaN);
  return cells;
}

/** How many bits of a whole number below 2^15 are 1. */
function ones(bits: number): number {
  let left = bits - ((bits >> 1) & 0x5555);
  left = (left & 0x3333) + ((left >> 2) & 0x3333);
  left = (left + (left >> 4)) & 0x0f0f;
  return (left + (left >> 8)) & 0x1f;
}

/** The amount that scaled units stand for. */
export function scaledToDecimal(units: ScaledUnits, places: Places): Decimal {
  return BigInt(units) * 10n ** BigInt(widePlaces - places);
}
