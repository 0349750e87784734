// Exact values in one array of doubles, beside numbers of other kinds that a subclass keeps there: one
// piece of memory for a record to touch, and no garbage. All values of an array share one unit. What
// a double cannot carry exactly moves, all values at once, to Decimals. Nothing here rounds.
import { aggregate } from "./aggregation.ts";
import { Amount, type Places, unitsOfOne, unitsToDecimal } from "./amount.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";

/** Decimals as text by their place in the array, where a double does not carry all values. */
export type WideRow = readonly (string | null)[] | null;

/** One record of an increment meter: exactly 1. */
const one: Amount = new Amount();
one.read(1);

export abstract class ExactCells {
  protected cells: number[];
  /** Decimal places of the values in `cells`. */
  protected places: Places = 0;
  /** By place in `cells`, null where no value is. Then `cells` says nothing of values. */
  protected wide: (Decimal | null)[] | null = null;

  constructor(cells: number[]) {
    this.cells = cells;
  }

  /** The place of the first value, and how far the next is from each. */
  protected abstract readonly firstValueAt: number;
  protected abstract readonly valueStep: number;

  /** Takes the row's array for its own. */
  protected restore(cells: number[], places: Places, wide: WideRow): void {
    this.cells = cells;
    this.places = places;
    this.wide = wide?.map((text) => (text === null ? null : BigInt(text))) ?? null;
  }

  protected wideRow(): WideRow {
    return this.wide?.map((value) => (value === null ? null : String(value))) ?? null;
  }

  /** The value at a place; undefined where none was added. */
  protected valueAt(at: number): Decimal | undefined {
    if (this.wide !== null) return this.wide[at] ?? undefined;
    const units = this.cells[at] ?? Number.NaN;
    return Number.isNaN(units) ? undefined : unitsToDecimal(units, this.places);
  }

  /** The next amount that is added there is the first. */
  protected clear(at: number): void {
    if (this.wide === null) this.cells[at] = Number.NaN;
    else this.wide[at] = null;
  }

  /** Combines an amount with the value at a place. */
  protected add(at: number, type: AggregationType, amount: Amount): void {
    const added = type === "increment" ? one : amount;
    const units = this.#unitsOf(added);
    if (this.wide !== null) {
      this.#addWide(at, type, added);
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
      else this.#addWide(at, type, added);
    }
  }

  #addWide(at: number, type: AggregationType, amount: Amount): void {
    const wide = this.#widened();
    wide[at] = aggregate(type, wide[at] ?? null, amount.decimal);
  }

  /** The amount in the unit of these values, which are widened where it cannot be. */
  #unitsOf(amount: Amount): number {
    const { units, places } = amount;
    if (this.wide !== null) return 0;
    if (amount.wide === null) {
      if (places === this.places) return units;
      if (places < this.places) {
        const scaled = units * (unitsOfOne[this.places - places] ?? 1);
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
    const { cells, firstValueAt, valueStep } = this;
    const scale = unitsOfOne[places - this.places] ?? 1;
    const largest = Number.MAX_SAFE_INTEGER / scale;
    for (let at = firstValueAt; at < cells.length; at += valueStep) {
      if (Math.abs(cells[at] ?? 0) > largest) return false;
    }
    for (let at = firstValueAt; at < cells.length; at += valueStep) {
      cells[at] = (cells[at] ?? 0) * scale;
    }
    this.places = places;
    return true;
  }

  #widened(): (Decimal | null)[] {
    if (this.wide !== null) return this.wide;
    const { cells, firstValueAt, valueStep } = this;
    const wide = new Array<Decimal | null>(cells.length).fill(null);
    for (let at = firstValueAt; at < cells.length; at += valueStep) {
      wide[at] = this.valueAt(at) ?? null;
    }
    this.wide = wide;
    return wide;
  }
}
