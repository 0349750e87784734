// One amount on its way from a usage record into counters. Nearly all amounts are small: those are
// whole numbers of units, thousandths, millionths or billionths, which a double carries exactly and
// adds without making garbage. Any other is a Decimal. Nothing here rounds (docs/spec/numbers.md).
import { type Decimal, type DecimalFault, parseDecimal } from "./decimal.ts";
import { ExactNumber, type JsonValue } from "./json-value.ts";
import { scanNumber } from "./number-literal.ts";

/** Decimal places that small amounts can have: 0, 3, 6 or 9. */
export type Places = number;
const placesMax: Places = 9;
const placesStep = 3;

/** Digits that a double always carries (DBL_DIG): below it two decimals never share a double. */
const exactUnitsMax = 1e15;
const exactDigitsMax = 15;

const decimalPlaces = 18;

/** By decimal places: how many units are 1. */
export const unitsOfOne: readonly number[] = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/** Reused from record to record: it is read into, counted, and read into again. */
export class Amount {
  /** A whole number of 10^-places, up to 2^53 - 1 in size; says nothing where `wide` does. */
  units = 0;
  places: Places = 0;
  wide: Decimal | null = null;

  get decimal(): Decimal {
    return this.wide ?? unitsToDecimal(this.units, this.places);
  }

  /**
   * Takes the amount that a JSON value stands for, as `readDecimal` (decimal.ts) would, or tells why
   * it is none; then the amount is as before.
   */
  read(value: JsonValue | undefined): DecimalFault | null {
    if (typeof value === "number") return this.#readDouble(value);
    if (typeof value === "string") return this.#readText(value);
    if (value instanceof ExactNumber) return this.#readText(value.text);
    return "not-a-number";
  }

  #readDouble(value: number): null | DecimalFault {
    // Adding 0 makes -0 the zero that it stands for.
    if (Number.isSafeInteger(value)) return this.#set(value + 0, 0);
    // `units / 10^places` is the double nearest to that decimal, so equality says that the decimal
    // is a spelling of `value`; with 15 digits at most it is the shortest one.
    for (let places = placesStep; places <= placesMax; places += placesStep) {
      const scale = unitsOfOne[places] ?? 1;
      const units = Math.round(value * scale);
      if (Math.abs(units) >= exactUnitsMax) break;
      if (units / scale === value) return this.#set(units, places);
    }
    return this.#readWide(String(value));
  }

  #readText(text: string): null | DecimalFault {
    const literal = scanNumber(text);
    if (literal === undefined) return "not-a-number";
    const { digits, exponent, negative } = literal;
    if (digits === "") return this.#set(0, 0);
    const places = Math.max(0, Math.ceil(-exponent / placesStep) * placesStep);
    const zeros = unitsOfOne[places + exponent];
    const isSmall = digits.length + places + exponent <= exactDigitsMax;
    if (places <= placesMax && isSmall && zeros !== undefined) {
      const units = Number.parseInt(digits, 10) * zeros;
      return this.#set(negative ? -units : units, places);
    }
    return this.#readWide(text);
  }

  #readWide(text: string): null | DecimalFault {
    const read = parseDecimal(text);
    if (!read.ok) return read.error;
    this.wide = read.value;
    return null;
  }

  #set(units: number, places: Places): null {
    this.units = units;
    this.places = places;
    this.wide = null;
    return null;
  }
}

export function unitsToDecimal(units: number, places: Places): Decimal {
  return BigInt(units) * 10n ** BigInt(decimalPlaces - places);
}
