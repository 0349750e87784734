// Date-times and timestamps, in and out, against tables and against the platform's own calendar.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExactNumber, type JsonValue } from "./json-value.ts";
import {
  civilDate,
  dayNumber,
  daysInMonth,
  formatInstant,
  instantMax,
  readInstant,
  readTimestamp,
} from "./time.ts";

describe("date-times", () => {
  it.each([
    ["2023-07-26T09:00:15.690+00:00", "2023-07-26T09:00:15.690Z"],
    ["2023-07-26T09:00:15Z", "2023-07-26T09:00:15.000Z"],
    ["2023-07-26T09:00:15+05:45", "2023-07-26T03:15:15.000Z"],
    ["2023-07-26T09:00:15-12:00", "2023-07-26T21:00:15.000Z"],
    ["2023-07-26T09:00:15-00:00", "2023-07-26T09:00:15.000Z"],
    ["2024-02-29T23:59:59.9Z", "2024-02-29T23:59:59.900Z"],
    ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"],
    ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
    ["1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"],
    ["2038-01-19T03:14:08Z", "2038-01-19T03:14:08.000Z"],
  ])("[RS23] [RS26] %s is %s", (text, expected) => {
    const instant = readInstant(text);
    expect(instant).toBeDefined();
    expect(formatInstant(instant ?? NaN)).toBe(expected);
  });

  it.each([
    ["2023-07-26T09:00:15.6909Z", "2023-07-26T09:00:15.690Z"],
    ["2023-07-26T09:00:15.123456789Z", "2023-07-26T09:00:15.123Z"],
    ["1969-12-31T23:59:59.999999999+00:00", "1969-12-31T23:59:59.999Z"],
  ])("[RS25] %s is cut to %s", (text, expected) => {
    expect(formatInstant(readInstant(text) ?? NaN)).toBe(expected);
  });

  it.each([
    "2023-07-26T09:00:15",
    "2023-07-26T09:00Z",
    "2023-07-26",
    "2023-07-26 09:00:15Z",
    "2023-07-26t09:00:15Z",
    "2023-07-26T09:00:15z",
    "2023-07-26T09:00:15+0545",
    "2023-07-26T09:00:15+05",
    "2023-07-26T09:00:15+24:00",
    "2023-07-26T09:00:15+05:60",
    "2023-07-26T09:00:15+05-45",
    "2023/07-26T09:00:15Z",
    "2023-07/26T09:00:15Z",
    "2023-07-26T09.00:15Z",
    "2023-07-26T09:00.15Z",
    "2023-07-26T09:00:15.Z",
    "2023-07-26T09:00:15,5Z",
    "2023-07-26T09:00:15.1234567890Z",
    "2023-07-26T09:00:15Z ",
    " 2023-07-26T09:00:15Z",
    "2023-07-26T09:00:15Z[UTC]",
    "2023-7-26T09:00:15Z",
    "+002023-07-26T09:00:15Z",
    "20230726T090015Z",
    "2023-W30-3T09:00:15Z",
    "２023-07-26T09:00:15Z",
    "2023-07-26T09:00:1:Z",
    "",
  ])("[RS23] %j is refused", (text) => {
    expect(readInstant(text)).toBeUndefined();
  });

  it.each([
    "2016-12-31T23:59:60Z",
    "2023-07-26T24:00:00Z",
    "2023-07-26T23:60:00Z",
    "2023-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2023-04-31T00:00:00Z",
    "2023-00-10T00:00:00Z",
    "2023-13-10T00:00:00Z",
    "2023-01-00T00:00:00Z",
    "2023-01-32T00:00:00Z",
    "0000-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
  ])("[RS24] [RS19] %s is refused", (text) => {
    expect(readInstant(text)).toBeUndefined();
  });

  it("[RS23] [RS26] what goes out comes in, and is what the platform writes", () => {
    const instants = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 });
    fc.assert(
      fc.property(instants, (instant) => {
        const text = formatInstant(instant);
        expect(text).toBe(new Date(instant).toISOString());
        expect(readInstant(text)).toBe(instant);
      }),
      { numRuns: 5_000 },
    );
  });

  it("[RS26] instants beyond the year 9999 are still written", () => {
    for (const instant of [instantMax, -instantMax, 253_402_300_800_000, -62_167_219_200_001]) {
      expect(formatInstant(instant)).toBe(new Date(instant).toISOString());
    }
  });

  it("[RS23] any text is judged without failing, and accepted only when the platform agrees", () => {
    const parts = ["2024", "-", "02", "29", "30", "T", "23", ":", "59", "60", ".", "5", "Z", "+"];
    const mangled = fc
      .array(fc.constantFrom(...parts), { minLength: 11, maxLength: 20 })
      .map((list) => list.join(""));
    fc.assert(
      fc.property(fc.oneof(mangled, fc.string({ unit: "binary" })), (text) => {
        const instant = readInstant(text);
        if (instant !== undefined) expect(instant).toBe(Date.parse(text));
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("timestamps", () => {
  it.each<[JsonValue, number]>([
    ["2019-01-13T00:00:00.000Z", 1547337600000],
    ["1547337600000", 1547337600000],
    [1547337600000, 1547337600000],
    [new ExactNumber("1.5473376e12"), 1547337600000],
    [new ExactNumber("1547337600000.0"), 1547337600000],
    [new ExactNumber("-1e3"), -1000],
    [-1, -1],
    [-0, 0],
    ["0", 0],
    ["0000000000000001", 1],
    [8640000000000000, 8640000000000000],
    ["8640000000000000", 8640000000000000],
  ])("[RS27] %j is %d", (value, expected) => {
    expect(readTimestamp(value)).toBe(expected);
  });

  it.each<{ value: JsonValue | undefined }>(
    [
      ...["", " ", "-1", "+1", "1.0", "1e3", "12345678901234567", "8640000000000001", "now", "١"],
      ...["2019-01-13", "2019-01-13T00:00:00", "0x10", "1547337600000 "],
      ...[1.5, NaN, Infinity, 8640000000000001, -8640000000000001, 1e300],
      ...[null, undefined, true, [1547337600000], {}],
      ...[new ExactNumber("1e400"), new ExactNumber("0.5e0"), new ExactNumber("1e-7")],
    ].map((value) => ({ value })),
  )("[RS27] $value is refused", ({ value }) => {
    expect(readTimestamp(value)).toBeUndefined();
  });
});

describe("the civil calendar", () => {
  it("[RS10] counts days as the platform does", () => {
    for (let number = -800_000; number < 3_000_000; number += 29) {
      const { year, month, day } = civilDate(number);
      const date = new Date(number * 86_400_000);
      const expected = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()].join();
      if ([year, month, day].join() !== expected) expect.fail(`day ${number} is ${expected}`);
      if (dayNumber(year, month, day) !== number) expect.fail(`${expected} is day ${number}`);
    }
  });

  it("[RS12] knows the length of months", () => {
    for (const year of [1900, 2000, 2023, 2024, 2100, 2400]) {
      for (let month = 1; month <= 12; month += 1) {
        expect(daysInMonth(year, month)).toBe(new Date(Date.UTC(year, month, 0)).getUTCDate());
      }
    }
  });
});
