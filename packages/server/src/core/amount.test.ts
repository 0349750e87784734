// Amounts on their way into counters (docs/spec/numbers.md), against `readDecimal`: however a number
// is spelled and whatever its size, the short way of reading it gives the same digits.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Amount, unitsToDecimal } from "./amount.ts";
import { formatDecimal, readDecimal } from "./decimal.ts";
import { ExactNumber, type JsonValue } from "./json-value.ts";

const seed = Number(process.env.SEED ?? "20261122");

/** Read into an amount that held something else before, as it is in a request. */
function viaAmount(value: JsonValue | undefined, amount = new Amount()): string {
  const fault = amount.read(value);
  return fault ?? formatDecimal(amount.decimal);
}

function viaDecimal(value: JsonValue | undefined): string {
  const read = readDecimal(value);
  return read.ok ? formatDecimal(read.value) : read.error;
}

/** Doubles of every magnitude, and those that short decimals are. */
const doubles: fc.Arbitrary<number> = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e22, max: 1e22 }),
  fc.maxSafeInteger(),
  fc
    .tuple(fc.bigInt(-(10n ** 17n), 10n ** 17n), fc.integer({ min: -25, max: 25 }))
    .map(([digits, exponent]) => Number(`${digits}e${exponent}`)),
  fc
    .tuple(fc.bigInt(10n ** 13n, 10n ** 16n), fc.integer({ min: -12, max: 0 }), fc.boolean())
    .map(([digits, exponent, isUp]) => nextTo(Number(`${digits}e${exponent}`), isUp)),
);

const bits = new DataView(new ArrayBuffer(8));

/** The double above or below a positive one: no decimal of few digits. */
function nextTo(double: number, isUp: boolean): number {
  bits.setFloat64(0, double);
  bits.setBigInt64(0, bits.getBigInt64(0) + (isUp ? 1n : -1n));
  return bits.getFloat64(0);
}

const digits = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(..."0000123456789"), minLength: 1, maxLength });

/** Number literals of all shapes, and what nearly is one: leading zeros, lonely signs and points. */
const literals: fc.Arbitrary<string> = fc
  .record({
    sign: fc.constantFrom("", "", "-", "+", " "),
    whole: fc.oneof(digits(22), fc.constantFrom("0", "00", "", "9007199254740993")),
    fraction: fc.oneof(
      fc.constant(""),
      digits(21).map((text) => `.${text}`),
      fc.constant("."),
    ),
    exponent: fc.oneof(
      fc.constant(""),
      fc
        .tuple(
          fc.constantFrom("e", "E", "e+", "e-", "E-0"),
          fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constantFrom("", "999999999999999999999")),
        )
        .map(([letter, power]) => `${letter}${power}`),
    ),
  })
  .map(({ sign, whole, fraction, exponent }) => `${sign}${whole}${fraction}${exponent}`);

describe("an amount", () => {
  it(`[NU4] is what exact reading gives, for every double (seed ${seed})`, () => {
    const amount = new Amount();
    const property = fc.property(doubles, (double) => {
      expect(viaAmount(double, amount)).toBe(viaDecimal(double));
    });
    fc.assert(property, { seed, numRuns: 20_000 });
  });

  it(`[NU4] is what exact reading gives, for every text of a number (seed ${seed})`, () => {
    const amount = new Amount();
    const property = fc.property(literals, (text) => {
      expect(viaAmount(text, amount)).toBe(viaDecimal(text));
      expect(viaAmount(new ExactNumber(text), amount)).toBe(viaDecimal(text));
    });
    fc.assert(property, { seed, numRuns: 20_000 });
  });

  it.each<[JsonValue | undefined, string]>([
    [-0, "0"],
    ["-0.000e5", "0"],
    ["0e999999999999999999999", "0"],
    [9007199254740991, "9007199254740991"],
    [9007199254740992, "9007199254740992"],
    ["9007199254740993", "9007199254740993"],
    [999999999999.999, "999999999999.999"],
    [0.1 + 0.2, "0.30000000000000004"],
    ["1e-9", "0.000000001"],
    ["1e-10", "0.0000000001"],
    ["1e-18", "0.000000000000000001"],
    ["1e-19", "too-precise"],
    ["1e19", "10000000000000000000"],
    ["1e20", "out-of-range"],
    ["007", "not-a-number"],
    ["1e", "not-a-number"],
    ["", "not-a-number"],
    [true, "not-a-number"],
    [null, "not-a-number"],
    [undefined, "not-a-number"],
    [[1], "not-a-number"],
    [{ value: 1 }, "not-a-number"],
  ])("[NU1] [NU3] of %j is %s", (value, text) => {
    expect(viaAmount(value)).toBe(text);
    expect(viaDecimal(value)).toBe(text);
  });

  it("[NU4] is as before when what is read is none", () => {
    const amount = new Amount();
    for (const before of [3, "0.5", "12345678901234567890.000000000000000001"]) {
      amount.read(before);
      const { units, places, wide } = amount;
      for (const bad of ["x", "1e30", "1e-30", null, true, [], undefined]) {
        expect(amount.read(bad)).not.toBeNull();
        expect(amount).toMatchObject({ units, places, wide });
      }
    }
  });

  it("[NU4] is in whole units where it is small, so that counting it makes no garbage", () => {
    const amount = new Amount();
    const small: JsonValue[] = [
      0,
      -0,
      "-0.0",
      1,
      -7,
      0.25,
      1e-9,
      123456.789,
      "1.5",
      "0.000001",
      "12e3",
    ];
    for (const value of small) {
      amount.read(value);
      expect(amount.wide, `${value}`).toBeNull();
      expect(Number.isSafeInteger(amount.units), `${value}`).toBe(true);
      expect(Object.is(amount.units, -0), `${value}`).toBe(false);
      expect(amount.decimal).toBe(unitsToDecimal(amount.units, amount.places));
    }
  });
});
