// Instants in and out: the text forms of the API, the timestamps of usage records, and the civil
// calendar that schedules count with. It must never ask for the present, know of a zone, or accept
// a date-time that leaves open which instant is meant (docs/spec/schedules.md).
import { canonicalNumber } from "./decimal.ts";
import { ExactNumber, type JsonValue } from "./json-value.ts";
import type { EpochMs } from "./ports.ts";

const secondMs = 1_000;
export const minuteMs = 60_000;
const hourMs = 3_600_000;
export const dayMs = 86_400_000;

/** Farthest instant from 1970 in either direction, as in ECMAScript. */
export const instantMax: EpochMs = 8.64e15;
/** 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what date-time text can name. */
const textInstantMin: EpochMs = -62_167_219_200_000;
const textInstantMax: EpochMs = 253_402_300_799_999;

/**
 * An ISO 8601 date-time `YYYY-MM-DDTHH:mm:ss[.f…](Z|±hh:mm)` with one to nine fraction digits, cut
 * off at the millisecond. Undefined for anything else: no zone, impossible dates, 24:00, leap
 * seconds, and instants outside the years 0000 to 9999 in UTC.
 */
export function readInstant(text: string): EpochMs | undefined {
  if (text.length < 20 || text.length > 35) return undefined;
  if (!hasDateTimePunctuation(text)) return undefined;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  // A pair that is no two digits is NaN, and no comparison with NaN holds.
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return undefined;
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined;
  const zoneAt = text.charCodeAt(19) === 46 ? fractionEnd(text) : 19;
  if (zoneAt < 0) return undefined;
  const seconds = hour * 3_600 + minute * 60 + second;
  const rest = seconds * secondMs + fractionMs(text, zoneAt) - offsetMs(text, zoneAt);
  const instant = dayNumber(year, month, day) * dayMs + rest;
  return instant >= textInstantMin && instant <= textInstantMax ? instant : undefined;
}

/**
 * The timestamp of a usage record (RS27): a date-time as `readInstant` takes it, or whole
 * milliseconds since 1970 as a JSON number or as a string of one to sixteen digits. Undefined for
 * anything else and beyond `instantMax`. Seconds cannot be told from milliseconds.
 */
export function readTimestamp(value: JsonValue | undefined): EpochMs | undefined {
  if (typeof value === "number") {
    return Number.isInteger(value) && Math.abs(value) <= instantMax ? value + 0 : undefined;
  }
  if (typeof value === "string") {
    return value.charCodeAt(4) === 45 ? readInstant(value) : readMilliseconds(value);
  }
  if (!(value instanceof ExactNumber)) return undefined;
  const text = canonicalNumber(value);
  if (!text.startsWith("-")) return readMilliseconds(text);
  const before = readMilliseconds(text.slice(1));
  return before === undefined ? undefined : -before;
}

/**
 * `YYYY-MM-DDTHH:mm:ss.sssZ` (RS26). Years outside 0000 to 9999 get a sign and six digits, as in
 * ECMAScript. `instant` must be an integer within `instantMax`.
 */
export function formatInstant(instant: EpochMs): string {
  const day = Math.floor(instant / dayMs);
  const rest = instant - day * dayMs;
  const { year, month, day: dayOfMonth } = civilDate(day);
  const hour = Math.floor(rest / hourMs);
  const minute = Math.floor(rest / minuteMs) % 60;
  const second = Math.floor(rest / secondMs) % 60;
  const date = `${formatYear(year)}-${padded(month, 2)}-${padded(dayOfMonth, 2)}`;
  const time = `${padded(hour, 2)}:${padded(minute, 2)}:${padded(second, 2)}`;
  return `${date}T${time}.${padded(rest % secondMs, 3)}Z`;
}

/** A date of the proleptic Gregorian calendar. */
export interface CivilDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** Day of the month, from 1. */
  readonly day: number;
}

/** Days from 1970-01-01 to a date, which must exist. Counts in years that start in March. */
export function dayNumber(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + yearOfEra * 365 + leapDays + dayOfYear - 719_468;
}

/** The date that is `number` days after 1970-01-01. */
export function civilDate(number: number): CivilDate {
  const fromMarch = number + 719_468;
  const era = Math.floor(fromMarch / 146_097);
  const dayOfEra = fromMarch - era * 146_097;
  const leapDays = Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524);
  const lastDay = Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays - lastDay) / 365);
  const yearDays = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - yearDays;
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function hasDateTimePunctuation(text: string): boolean {
  return (
    text.charCodeAt(4) === 45 &&
    text.charCodeAt(7) === 45 &&
    text.charCodeAt(10) === 84 &&
    text.charCodeAt(13) === 58 &&
    text.charCodeAt(16) === 58
  );
}

/** The number that two ASCII digits spell, NaN where there are none. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const units = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && units >= 0 && units <= 9 ? tens * 10 + units : NaN;
}

/** Index after the fraction's digits, which start at 20; -1 unless there are one to nine. */
function fractionEnd(text: string): number {
  let end = 20;
  while (end < text.length && isDigit(text.charCodeAt(end))) end += 1;
  return end > 20 && end <= 29 ? end : -1;
}

/** The first three fraction digits; missing ones are zero. */
function fractionMs(text: string, end: number): number {
  let milliseconds = 0;
  for (let at = 20; at < 23; at += 1) {
    milliseconds = milliseconds * 10 + (at < end ? text.charCodeAt(at) - 48 : 0);
  }
  return milliseconds;
}

/** Milliseconds east of UTC of `Z` or `±hh:mm` filling the rest of the text, else NaN. */
function offsetMs(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  if (sign === 90) return text.length === at + 1 ? 0 : NaN;
  if (sign !== 43 && sign !== 45) return NaN;
  if (text.length !== at + 6 || text.charCodeAt(at + 3) !== 58) return NaN;
  const hours = twoDigits(text, at + 1);
  const minutes = twoDigits(text, at + 4);
  if (!(hours <= 23 && minutes <= 59)) return NaN;
  return (sign === 45 ? -1 : 1) * (hours * 60 + minutes) * minuteMs;
}

function readMilliseconds(digits: string): EpochMs | undefined {
  if (digits.length === 0 || digits.length > 16) return undefined;
  let milliseconds = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const code = digits.charCodeAt(at);
    if (!isDigit(code)) return undefined;
    milliseconds = milliseconds * 10 + code - 48;
  }
  return milliseconds <= instantMax ? milliseconds : undefined;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function formatYear(year: number): string {
  if (year >= 0 && year <= 9_999) return padded(year, 4);
  return `${year < 0 ? "-" : "+"}${padded(Math.abs(year), 6)}`;
}

function padded(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
