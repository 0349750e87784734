// Exact values in one array of doubles, beside numbers of other kinds that a subclass keeps there: one
// piece of memory for a record to touch, and no garbage. All values of an array share one unit. What
// a double cannot carry exactly moves, all values at once, to Decimals. Nothing here rounds. There may
// be a million, and a private method would cost each eight bytes: methods are protected.
import { aggregate } from "./aggregation.ts";
import { Amount, type Places, unitsOfOne, unitsToDecimal } from "./amount.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";

/** Values by their place in the array, null where none is. */
type Wide = (Decimal | null)[];

/** The same as text; null where doubles carry all values. */
export type WideRow = readonly (string | null)[] | null;

/** A value as a whole number of 10^-places; as text where a double does not carry it. */
export type ScaledUnits = number | string;

/** One record of an increment meter: exactly 1. */
const one: Amount = new Amount();
one.read(1);

/** Decimal places of Decimals. */
const widePlaces = 18;

/** An array as long as this may have spare room: it is long itself, and grows often. */
const roomyFrom = 80;

/** A line of a processor's cache, 64 bytes, in doubles. */
const cellsPerLine = 8;

export abstract class ExactCells {
  /** NaN where no value is. */
  protected cells: number[];
  /** Decimal places of the values in `cells`; or, where doubles do not carry them, the values. */
  protected unit: Places | Wide = 0;

  constructor(cells: number[]) {
    this.cells = cells;
  }

  /** Whether the number at a place is a value: in this unit, and never moved out of it. */
  protected abstract isValue(at: number): boolean;

  protected get wide(): Wide | null {
    return typeof this.unit === "number" ? null : this.unit;
  }

  /** Decimal places of what `scaledAt` gives. */
  get places(): Places {
    return typeof this.unit === "number" ? this.unit : widePlaces;
  }

  /** Takes the row's array for its own. */
  protected restore(cells: number[], places: Places, wide: WideRow): void {
    this.cells = cells;
    this.unit = wide?.map((text) => (text === null ? null : BigInt(text))) ?? places;
  }

  protected wideRow(): WideRow {
    return this.wide?.map((value) => (value === null ? null : String(value))) ?? null;
  }

  /** The value at a place; undefined where none was added. */
  protected valueAt(at: number): Decimal | undefined {
    const { unit } = this;
    if (typeof unit !== "number") return unit[at] ?? undefined;
    const units = this.cells[at] ?? Number.NaN;
    return Number.isNaN(units) ? undefined : unitsToDecimal(units, unit);
  }

  /** The same as it is kept; null where none was added. */
  protected scaledAt(at: number): ScaledUnits | null {
    const { wide } = this;
    if (wide !== null) return wide[at]?.toString() ?? null;
    const units = this.cells[at] ?? Number.NaN;
    return Number.isNaN(units) ? null : units;
  }

  /** Reads a number of each line of memory that the array takes (`UserIndex.fetchAhead`). */
  fetch(): number {
    const { cells } = this;
    let sum = 0;
    for (let at = 0; at < cells.length; at += cellsPerLine) sum += cells[at] ?? 0;
    return sum;
  }

  /** The next amount that is added there is the first. */
  protected clear(at: number): void {
    this.cells[at] = Number.NaN;
    if (typeof this.unit !== "number") this.unit[at] = null;
  }

  /** Makes cleared places before the one at `at`; the end is a place too. */
  protected insert(at: number, blanks: readonly number[]): void {
    const { wide } = this;
    const end = this.cells.length;
    if (end >= roomyFrom) this.cells.push(...blanks);
    // A copy has no spare room: most arrays are short, and there may be a million.
    else this.cells = this.cells.concat(blanks);
    for (let from = end - 1; from >= at; from -= 1) {
      const to = from + blanks.length;
      this.cells[to] = this.cells[from] ?? Number.NaN;
      if (wide !== null) wide[to] = wide[from] ?? null;
    }
    for (let place = at; place < at + blanks.length; place += 1) this.clear(place);
  }

  /** Leaves out what stands behind the first `length` places. */
  protected cut(length: number): void {
    if (length === this.cells.length) return;
    this.cells.length = length;
    if (this.wide !== null) this.wide.length = length;
  }

  /** Combines an amount with the value at a place. */
  protected add(at: number, type: AggregationType, amount: Amount): void {
    const added = type === "increment" ? one : amount;
    const units = this.unitsOf(added);
    if (Number.isNaN(units)) {
      this.addWide(at, type, added);
      return;
    }
    const { cells } = this;
    const before = cells[at] ?? Number.NaN;
    if (Number.isNaN(before)) cells[at] = units;
    else if (type === "max") {
      if (units > before) cells[at] = units;
    } else if (type === "min") {
      if (units < before) cells[at] = units;
    } else {
      const sum = before + units;
      if (Number.isSafeInteger(sum)) cells[at] = sum;
      else this.addWide(at, type, added);
    }
  }

  protected addWide(at: number, type: AggregationType, amount: Amount): void {
    const wide = this.widened();
    wide[at] = aggregate(type, wide[at] ?? null, amount.decimal);
  }

  /** The amount in the unit of these values; NaN where they are Decimals, or must become so now. */
  protected unitsOf({ units, places, wide }: Amount): number {
    const { unit } = this;
    if (typeof unit !== "number" || wide !== null) return Number.NaN;
    if (places === unit) return units;
    if (places < unit) {
      const scaled = units * (unitsOfOne[unit - places] ?? 1);
      return Number.isSafeInteger(scaled) ? scaled : Number.NaN;
    }
    return this.refine(unit, places) ? units : Number.NaN;
  }

  /** Gives all values more decimal places; false, and nothing changes, when one would not fit. */
  protected refine(from: Places, to: Places): boolean {
    const { cells } = this;
    const scale = unitsOfOne[to - from] ?? 1;
    const largest = Number.MAX_SAFE_INTEGER / scale;
    for (const [at, value] of cells.entries()) {
      if (this.isValue(at) && Math.abs(value) > largest) return false;
    }
    for (const [at, value] of cells.entries()) if (this.isValue(at)) cells[at] = value * scale;
    this.unit = to;
    return true;
  }

  protected widened(): Wide {
    const { wide } = this;
    if (wide !== null) return wide;
    const values = this.cells.map((_, at) =>
      this.isValue(at) ? (this.valueAt(at) ?? null) : null,
    );
    this.unit = values;
    return values;
  }
}

/** The amount that scaled units stand for. */
export function scaledToDecimal(units: ScaledUnits, places: Places): Decimal {
  return BigInt(units) * 10n ** BigInt(widePlaces - places);
}
