// A sum over very many amounts. What is added lately stands in a double that carries it exactly;
// from time to time it moves into a Decimal. So adding makes no garbage, and nothing ever rounds.
import { type Amount, type Places, unitsToDecimal } from "./amount.ts";
import type { Decimal } from "./decimal.ts";

export class ExactSum {
  #settled: Decimal;
  /** Not yet in `settled`, in units of 10^-places. */
  #units = 0;
  #places: Places = 0;

  constructor(start: Decimal = 0n) {
    this.#settled = start;
  }

  get decimal(): Decimal {
    return this.#settled + unitsToDecimal(this.#units, this.#places);
  }

  add(amount: Amount): void {
    if (amount.wide !== null) {
      this.#settled += amount.wide;
      return;
    }
    const sum = this.#units + amount.units;
    if (amount.places === this.#places && Number.isSafeInteger(sum)) {
      this.#units = sum;
      return;
    }
    this.#settled = this.decimal;
    this.#units = amount.units;
    this.#places = amount.places;
  }
}
