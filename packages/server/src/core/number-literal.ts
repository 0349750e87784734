// Takes a JSON number literal apart: sign, significant digits, weight of the last one. It exists so
// that amounts and the text of fields judge the same digits. It must never go through a double,
// never expand an exponent, and must take time linear in the literal, whatever the exponent says.
import { dot, minus, zero } from "./json-codes.ts";

/** The value is `(negative ? -1 : 1) * digits * 10^exponent`. */
export interface NumberLiteral {
  readonly negative: boolean;
  /** ASCII digits without leading and trailing zeros; empty for zero. */
  readonly digits: string;
  /** Weight of the last digit. Only roughly when `exponentIsHuge`. */
  readonly exponent: number;
  /** The written exponent has a magnitude of 10^15 or more. */
  readonly exponentIsHuge: boolean;
}

/** Written exponents below this are carried exactly: a literal's length cannot bring them to 2^53. */
const exponentExactMax = 1e15;

const nine = 57;
const plus = 43;

/** Undefined when `text` is not exactly one JSON number (RFC 8259, section 6), without any space. */
export function scanNumber(text: string): NumberLiteral | undefined {
  const negative = text.charCodeAt(0) === minus;
  const start = negative ? 1 : 0;
  const integerEnd = digitsEnd(text, start);
  if (integerEnd === start) return undefined;
  if (integerEnd > start + 1 && text.charCodeAt(start) === zero) return undefined;
  let mantissaEnd = integerEnd;
  if (text.charCodeAt(integerEnd) === dot) {
    mantissaEnd = digitsEnd(text, integerEnd + 1);
    if (mantissaEnd === integerEnd + 1) return undefined;
  }
  let written = 0;
  if (mantissaEnd < text.length) {
    const exponentStart = exponentAt(text, mantissaEnd);
    if (exponentStart < 0) return undefined;
    written = readExponent(text, exponentStart);
  }
  const digits = significantDigits(text, integerEnd, mantissaEnd);
  if (digits === "") return { negative, digits, exponent: 0, exponentIsHuge: false };
  return {
    negative,
    digits,
    exponent: written + lastWeight(text, integerEnd, mantissaEnd),
    exponentIsHuge: written >= exponentExactMax || written <= -exponentExactMax,
  };
}

/**
 * The exponent of the last significant digit as text, where `exponentIsHuge`. In linear time, which
 * a bigint of a million digits would not be.
 */
export function hugeExponent(text: string): string {
  const start = text.charCodeAt(0) === minus ? 1 : 0;
  const integerEnd = digitsEnd(text, start);
  const isFraction = text.charCodeAt(integerEnd) === dot;
  const mantissaEnd = isFraction ? digitsEnd(text, integerEnd + 1) : integerEnd;
  const written = text.slice(mantissaEnd + 1);
  const magnitude = written.replace(/^[+-]?0*/, "");
  const weight = lastWeight(text, integerEnd, mantissaEnd);
  return written.startsWith("-")
    ? `-${addToDigits(magnitude, -weight)}`
    : addToDigits(magnitude, weight);
}

/** Adds a number below 10^15 to a number of 16 digits or more. */
function addToDigits(digits: string, delta: number): string {
  const split = digits.length - 15;
  const sum = BigInt(digits.slice(split)) + BigInt(delta);
  const carry = sum < 0n ? -1 : sum >= 10n ** 15n ? 1 : 0;
  const tail = String(sum - BigInt(carry) * 10n ** 15n).padStart(15, "0");
  const head = digits.slice(0, split);
  if (carry === 0) return head + tail;
  const [from, to] = carry === 1 ? ["9", "0"] : ["0", "9"];
  let at = split - 1;
  while (at >= 0 && head[at] === from) at -= 1;
  const stepped = at < 0 ? "1" : head.slice(0, at) + String(head.charCodeAt(at) - zero + carry);
  return `${stepped}${to.repeat(split - 1 - at)}${tail}`.replace(/^0+/, "");
}

function digitsEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code < zero || code > nine) break;
    at += 1;
  }
  return at;
}

/** Index of the exponent's sign or first digit when a well-formed exponent fills the rest, or -1. */
function exponentAt(text: string, at: number): number {
  if ((text.charCodeAt(at) | 32) !== 101) return -1;
  const sign = text.charCodeAt(at + 1);
  const digitsStart = sign === minus || sign === plus ? at + 2 : at + 1;
  if (digitsStart >= text.length || digitsEnd(text, digitsStart) !== text.length) return -1;
  return at + 1;
}

function readExponent(text: string, from: number): number {
  const sign = text.charCodeAt(from);
  let magnitude = 0;
  for (let at = sign === minus || sign === plus ? from + 1 : from; at < text.length; at += 1) {
    magnitude = Math.min(magnitude * 10 + text.charCodeAt(at) - zero, exponentExactMax);
  }
  return sign === minus ? -magnitude : magnitude;
}

function significantDigits(text: string, integerEnd: number, mantissaEnd: number): string {
  let first = 0;
  while (first < mantissaEnd && isFiller(text.charCodeAt(first))) first += 1;
  let end = mantissaEnd;
  while (end > first && isFiller(text.charCodeAt(end - 1))) end -= 1;
  if (first >= integerEnd || end <= integerEnd) return text.slice(first, end);
  return text.slice(first, integerEnd) + text.slice(integerEnd + 1, end);
}

/** Weight of the last non-zero digit of the mantissa alone. There must be one. */
function lastWeight(text: string, integerEnd: number, mantissaEnd: number): number {
  let last = mantissaEnd - 1;
  while (isFiller(text.charCodeAt(last))) last -= 1;
  return last < integerEnd ? integerEnd - 1 - last : integerEnd - last;
}

/** What can stand around the significant digits of a mantissa. */
function isFiller(code: number): boolean {
  return code === zero || code === dot || code === minus;
}
