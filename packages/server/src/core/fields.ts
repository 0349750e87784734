// Readers of single values in definitions: text, choices, flags, whole numbers, amounts, instants,
// lists, custom fields, and what absence and null stand for. Each tells what is allowed, where.
// They never round an amount and never look into custom fields for a meaning.
import { type Decimal, readDecimal } from "./decimal.ts";
import { type FieldReader, fault, inside, type Place, wrongKind } from "./definition-reader.ts";
import { ExactNumber, isJsonObject, type JsonObject, type JsonValue } from "./json-value.ts";
import { jsonDepthMax } from "./limits.ts";
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";
import { readInstant } from "./time.ts";

/** Bounds of a text, in code points of what is kept. */
export interface TextRule {
  readonly min: 0 | 1;
  readonly max: number;
  /** Keeps the text exactly as sent. Otherwise white space at both ends is cut off first. */
  readonly asSent?: boolean;
  readonly pattern?: { readonly matches: RegExp; readonly detail: string };
}

/** A string within its bounds; at least one character that is no white space where `min` is 1. */
export function text(rule: TextRule): FieldReader<string> {
  const { min, max, asSent, pattern } = rule;
  const range = min === 0 ? `must be at most ${max} characters` : `must be 1 to ${max} characters`;
  const blank = asSent === true ? `${range}, not only white space` : range;
  return (value, at) => {
    if (typeof value !== "string") return wrongKind(value, at, "a string");
    const kept = asSent === true ? value : value.trim();
    if (min === 1 && kept.trim() === "") return fault(at, kept === "" ? range : blank);
    const fits = hasAtMost(kept, max);
    if (!fits) fault(at, range);
    const matches = pattern === undefined || pattern.matches.test(kept);
    if (!matches) fault(at, pattern.detail);
    return fits && matches ? kept : undefined;
  };
}

/** One of a closed set of words, exactly as spelled. */
export function oneOf<const T extends string>(choices: readonly T[]): FieldReader<T> {
  return (value, at) => {
    if (value === undefined) return fault(at, "is required");
    const choice = choices.find((candidate) => candidate === value);
    return choice ?? fault(at, `must be ${choices.length > 1 ? "one of " : ""}${list(choices)}`);
  };
}

export const flag: FieldReader<boolean> = (value, at) =>
  typeof value === "boolean" ? value : wrongKind(value, at, "true or false");

/** A whole number in a closed range, however it is spelled: 35, 35.0 and 3.5e1 are equal. */
export function wholeNumber(min: number, max: number): FieldReader<number> {
  const range = `must be a whole number from ${min} to ${max}`;
  return (value, at) => {
    if (!isNumber(value)) return wrongKind(value, at, "a number");
    const amount = readDecimal(value);
    const whole = amount.ok && amount.value % oneWhole === 0n ? amount.value / oneWhole : undefined;
    if (whole === undefined || whole < BigInt(min) || whole > BigInt(max)) return fault(at, range);
    return Number.parseInt(whole.toString(), 10);
  };
}

/** An amount above zero given as a JSON number, exactly (D-19). `max` is in whole units. */
export function positiveAmount(max?: number): FieldReader<Decimal> {
  const limit = max === undefined ? undefined : BigInt(max) * oneWhole;
  const range =
    max === undefined ? "must be greater than 0" : `must be greater than 0 and at most ${max}`;
  return (value, at) => {
    if (!isNumber(value)) return wrongKind(value, at, "a number");
    const amount = readDecimal(value);
    if (!amount.ok) {
      const isLong = amount.error === "too-precise";
      return fault(at, isLong ? "must have at most 18 decimal places" : "must be less than 10^20");
    }
    const fits = amount.value > 0n && (limit === undefined || amount.value <= limit);
    return fits ? amount.value : fault(at, range);
  };
}

/** An ISO 8601 date-time with offset (D-12). */
export const instant: FieldReader<EpochMs> = (value, at) => {
  if (typeof value !== "string") return wrongKind(value, at, "a string");
  // The longest form is some 35 characters; no longer text is worth a parse.
  const read = value.length > 64 ? undefined : readInstant(value);
  return read ?? fault(at, 'must be a date and time with offset, as "2027-01-31T00:00:00.000Z"');
};

/** An array whose every element can be read; `noun` is the plural for messages. */
export function listOf<T>(
  item: FieldReader<T>,
  bounds: { readonly min: 0 | 1; readonly max: number; readonly noun: string },
): FieldReader<readonly T[]> {
  const { min, max, noun } = bounds;
  const range = min === 0 ? `must have at most ${max} ${noun}` : `must have 1 to ${max} ${noun}`;
  return (value, at) => {
    if (!isArray(value)) return wrongKind(value, at, "an array");
    // Elements beyond the bound are not judged: the bound is the fault to mend.
    if (value.length < min || value.length > max) return fault(at, range);
    const items = value.map((element, index) => item(element, inside(at, index)));
    const whole = items.filter((read) => read !== undefined);
    return whole.length === items.length ? whole : undefined;
  };
}

/** Bounds of an object that is kept and never interpreted (D-31). */
export interface CustomFieldsRule {
  /** UTF-8 bytes of its compact JSON text. */
  readonly bytesMax: number;
  /** Members of the outermost object. */
  readonly keysMax?: number;
}

/** A caller's own object. Names that mean something to JavaScript are refused at every depth. */
export function customFields(rule: CustomFieldsRule): FieldReader<JsonObject> {
  return (value, at) => {
    if (!isJsonObject(value)) return wrongKind(value, at, "an object");
    const faultsBefore = at.faults.length;
    if (rule.keysMax !== undefined && Object.keys(value).length > rule.keysMax) {
      fault(at, `must have at most ${rule.keysMax} members`);
    }
    if (utf8Bytes(JSON.stringify(value)) > rule.bytesMax) {
      fault(at, `must be at most ${rule.bytesMax} bytes as JSON text`);
    }
    refuseRiskyNames(value, at, 1);
    return at.faults.length === faultsBefore ? value : undefined;
  };
}

/** What stands in for a member that was not sent. */
export function optional<T, const D>(reader: FieldReader<T>, absent: D): FieldReader<T | D> {
  return (value, at) => (value === undefined ? absent : reader(value, at));
}

/** What null stands for. Without it null is a value of the wrong kind (D-13). */
export function nullable<T, const D>(reader: FieldReader<T>, whenNull: D): FieldReader<T | D> {
  return (value, at) => (value === null ? whenNull : reader(value, at));
}

/** For members where null says the same as absence (D-13). */
export function absentOrNull<T, const D>(reader: FieldReader<T>, absent: D): FieldReader<T | D> {
  return optional(nullable(reader, absent), absent);
}

/** Another value in the place of an empty text. */
export function ifEmpty<const D>(
  reader: FieldReader<string>,
  whenEmpty: D,
): FieldReader<string | D> {
  return (value, at) => {
    const read = reader(value, at);
    return read === "" ? whenEmpty : read;
  };
}

/** 1 as a Decimal. */
const oneWhole = 10n ** 18n;
const riskyNames: readonly string[] = ["__proto__", "constructor", "prototype"];

function isNumber(value: JsonValue | undefined): value is number | ExactNumber {
  return typeof value === "number" || value instanceof ExactNumber;
}

function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function list(words: readonly string[]): string {
  return words.map((word) => `"${word}"`).join(", ");
}

function hasAtMost(value: string, max: number): boolean {
  if (value.length <= max) return true;
  if (value.length > 2 * max) return false;
  return [...value].length <= max;
}

function utf8Bytes(value: string): number {
  let bytes = 0;
  for (let index = 0; index < value.length; index += 1) {
    const unit = value.charCodeAt(index);
    // Half of a surrogate pair is half of four bytes; lone ones never get past the JSON reader.
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff)) bytes += 2;
    else bytes += 3;
  }
  return bytes;
}

function refuseRiskyNames(value: JsonValue, at: Place, depth: number): void {
  assert(depth <= jsonDepthMax, "the JSON reader bounds the depth");
  if (isArray(value)) {
    for (const [index, element] of value.entries()) {
      refuseRiskyNames(element, inside(at, index), depth + 1);
    }
  } else if (isJsonObject(value)) {
    for (const [name, element] of Object.entries(value)) {
      const place = inside(at, name);
      if (riskyNames.includes(name)) fault(place, `must not be named "${name}"`);
      refuseRiskyNames(element, place, depth + 1);
    }
  }
}
