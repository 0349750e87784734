// Exact amounts. A value is a decimal number, never a double: it enters as the digits that the
// caller wrote, is summed as a bigint, and leaves with every digit. Nothing here rounds, in either
// direction; what does not fit is refused with the reason (docs/spec/numbers.md).
import { ExactNumber, type JsonValue } from "./json-value.ts";
import { hugeExponent, type NumberLiteral, scanNumber } from "./number-literal.ts";
import { assert, fail, ok, type Result } from "./problem.ts";

/** An amount times 10^18. Sums are unbounded; addition and comparison are those of bigint. */
export type Decimal = bigint;

/** Why a value is no amount: no number at all, 10^20 or more, or more than 18 decimal places. */
export type DecimalFault = "not-a-number" | "out-of-range" | "too-precise";

/** Decimal places that an amount can have. */
const decimalPlacesMax = 18;
/** Digits before the decimal point that an amount sent in can have. */
const integerDigitsMax = 20;
/** Characters of a number as text; beyond it the text is written with an exponent. */
const expandedCharactersMax = 60;

const powersOfTen: readonly bigint[] = Array.from(
  { length: 38 },
  (_, power) => 10n ** BigInt(power),
);
const one = 10n ** 18n;

const notANumber: Result<never, DecimalFault> = fail("not-a-number");
const outOfRange: Result<never, DecimalFault> = fail("out-of-range");
const tooPrecise: Result<never, DecimalFault> = fail("too-precise");

/**
 * The amount that a JSON value stands for: a number, or a string that is exactly one JSON number.
 * A plain `number` stands for its shortest decimal spelling (json-value.ts).
 */
export function readDecimal(value: JsonValue | undefined): Result<Decimal, DecimalFault> {
  if (typeof value === "number") return readDouble(value);
  if (typeof value === "string") return parseDecimal(value);
  if (value instanceof ExactNumber) return parseDecimal(value.text);
  return notANumber;
}

/** The amount that a JSON number literal stands for. Zeros at either end never count as digits. */
export function parseDecimal(text: string): Result<Decimal, DecimalFault> {
  const literal = scanNumber(text);
  if (literal === undefined) return notANumber;
  const { digits, exponent } = literal;
  if (digits === "") return ok(0n);
  if (digits.length + exponent > integerDigitsMax) return outOfRange;
  const power = powersOfTen[exponent + decimalPlacesMax];
  if (power === undefined) return tooPrecise;
  const scaled = BigInt(digits) * power;
  return ok(literal.negative ? -scaled : scaled);
}

/** Canonical text at any size: no exponent, no needless zeros, no "-0". */
export function formatDecimal(decimal: Decimal): string {
  const whole = decimal / one;
  const rest = decimal % one;
  if (rest === 0n) return whole.toString();
  const places = (rest < 0n ? -rest : rest).toString().padStart(decimalPlacesMax, "0");
  let end = places.length;
  while (places.charCodeAt(end - 1) === 48) end -= 1;
  const sign = decimal < 0n && whole === 0n ? "-" : "";
  return `${sign}${whole}.${places.slice(0, end)}`;
}

/** For output: a plain number only where JSON spells it with exactly the amount's digits. */
export function toJsonNumber(decimal: Decimal): ExactNumber | number {
  const text = formatDecimal(decimal);
  const double: unknown = JSON.parse(text);
  return typeof double === "number" && String(double) === text ? double : new ExactNumber(text);
}

/**
 * One text for each value, however it was spelled: canonical decimal, or `<digits>e<exponent>`
 * where that would be longer than 60 characters. Takes every number that JSON can hold.
 */
export function canonicalNumber(value: number | ExactNumber): string {
  const text = typeof value === "number" ? String(value) : value.text;
  if (typeof value === "number" && Number.isSafeInteger(value)) return text;
  const literal = scanNumber(text);
  assert(literal !== undefined, `"${text.slice(0, 40)}" is no JSON number`);
  if (literal.digits === "") return "0";
  const sign = literal.negative ? "-" : "";
  if (expandedLength(literal) + sign.length <= expandedCharactersMax) {
    return sign + expand(literal);
  }
  const exponent = literal.exponentIsHuge ? hugeExponent(text) : literal.exponent;
  return `${sign}${literal.digits}e${exponent}`;
}

function readDouble(value: number): Result<Decimal, DecimalFault> {
  if (Number.isSafeInteger(value)) return ok(BigInt(value) * one);
  return parseDecimal(String(value));
}

function expandedLength({ digits, exponent }: NumberLiteral): number {
  if (exponent >= 0) return digits.length + exponent;
  return Math.max(digits.length, 1 - exponent) + 1;
}

function expand({ digits, exponent }: NumberLiteral): string {
  if (exponent >= 0) return digits + "0".repeat(exponent);
  const padded = digits.padStart(1 - exponent, "0");
  return `${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
}
