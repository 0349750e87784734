// Amounts against the vectors of docs/spec/numbers.md and against a rational model of its own.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalNumber,
  type Decimal,
  formatDecimal,
  parseDecimal,
  readDecimal,
  toJsonNumber,
} from "./decimal.ts";
import { ExactNumber, type JsonValue } from "./json-value.ts";

/** The value as a literal would be read: a double where its spelling is the literal. */
function literal(text: string): JsonValue {
  return String(JSON.parse(text)) === text ? JSON.parse(text) : new ExactNumber(text);
}

function amount(value: JsonValue): Decimal {
  const read = readDecimal(value);
  if (!read.ok) throw new Error(`${JSON.stringify(value)} is ${read.error}`);
  return read.value;
}

function judged(value: JsonValue | undefined): string {
  const read = readDecimal(value);
  return read.ok ? formatDecimal(read.value) : read.error;
}

describe("amounts in", () => {
  it.each([
    ["1e3", "1000"],
    ["1.50", "1.5"],
    ["-0", "0"],
    ["0.000000000000000001", "0.000000000000000001"],
    ["99999999999999999999", "99999999999999999999"],
    ["-99999999999999999999.999999999999999999", "-99999999999999999999.999999999999999999"],
    ["9007199254740993", "9007199254740993"],
    ["0.1", "0.1"],
    ["-0.05", "-0.05"],
    ["1E+2", "100"],
    ["5e-3", "0.005"],
    ["10e-19", "0.000000000000000001"],
    ["0.00001e24", "10000000000000000000"],
    [`0.1${"0".repeat(400)}`, "0.1"],
    [`1${"0".repeat(400)}e-400`, "1"],
  ])("[NU1] [NU4] %s is %s, as a literal and as a string", (text, expected) => {
    expect(judged(literal(text))).toBe(expected);
    expect(judged(text)).toBe(expected);
  });

  it.each([
    "100000000000000000000",
    "-100000000000000000000",
    "1e20",
    "1e21",
    "1e400",
    "9".repeat(400),
    "1e999999999",
    "0.1e22",
  ])("[NU2] %s is out of range", (text) => {
    expect(judged(new ExactNumber(text))).toBe("out-of-range");
    expect(judged(text)).toBe("out-of-range");
  });

  it.each([
    "0.0000000000000000001",
    "1e-19",
    "1e-400",
    "-1e-400",
    "1e-999999999",
    "1.1000000000000000001",
    "12345e-22",
  ])("[NU3] %s is too precise", (text) => {
    expect(judged(new ExactNumber(text))).toBe("too-precise");
    expect(judged(text)).toBe("too-precise");
  });

  it.each<{ value: JsonValue | undefined; shown: string }>(
    [
      ...["NaN", "Infinity", "-Infinity", "", " 1", "1 ", "1,5", "1_000", "0x10", "١", "1\n"],
      ...["01", "-01", "+1", ".5", "1.", "-", "--1", "1e", "1e+", "1e1.5", "1.e3", "e3", "1ee3"],
      ...["1\u00002", "\ud800", "１", "1n", "0b1", "1e٣", "1-2", "1.2.3"],
      ...[true, false, null, undefined, [1], {}, [], { __proto__: null }, NaN, Infinity],
    ].map((value) => ({ value, shown: JSON.stringify(value) ?? "nothing" })),
  )("[NU1] $shown is not a number", ({ value }) => {
    expect(judged(value)).toBe("not-a-number");
  });

  it.each([-0, "-0", "-0.000", "0e5", "0e999999999", "-0e-999999999"])("[NU5] %s is 0", (value) => {
    expect(amount(value)).toBe(0n);
  });

  it("[NU6] the size of an exponent costs nothing", () => {
    for (const exponent of ["999999999", "-999999999", "9".repeat(1_000_000)]) {
      expect(judged(`1e${exponent}`)).toBe(exponent[0] === "-" ? "too-precise" : "out-of-range");
      expect(judged(`0e${exponent}`)).toBe("0");
    }
    expect(judged(`1${"0".repeat(1_000_000)}e-1000000`)).toBe("1");
    expect(judged(`0.${"0".repeat(1_000_000)}1e1000001`)).toBe("1");
  });

  it("[NU4] a double is read as its shortest spelling", () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
    const places = fc.tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 12 }));
    const short = places.map(([digits, power]) => digits / 10 ** power);
    fc.assert(
      fc.property(fc.oneof(finite, short), (double) => {
        expect(readDecimal(double)).toEqual(parseDecimal(String(double)));
      }),
      { numRuns: 5_000 },
    );
  });
});

const sums: readonly [string, string][] = [
  ["0.1 0.2", "0.3"],
  ["10*0.1", "1"],
  ["0.1 0.7 -0.8", "0"],
  ["-0.3 0.1 0.2", "0"],
  ["100*4.35", "435"],
  ["1000*1.005", "1005"],
  ["1000000*0.000001", "1"],
  ["9007199254740992 1", "9007199254740993"],
  ["9223372036854775807 1", "9223372036854775808"],
  ["1e16 1 -1e16", "1"],
  ["0.000000000001 999999999999", "999999999999.000000000001"],
  ["123456789012345678.123456789 0.000000001", "123456789012345678.12345679"],
  ["99999999999999999999 0.000000000000000001", "99999999999999999999.000000000000000001"],
  ["1E+2 -0 5e-3", "100.005"],
  ["3*33.33 0.01", "100"],
  ["2*99999999999999999999", "199999999999999999998"],
];

/** "3*0.1 2" is 0.1 three times and 2 once. */
function partsOf(text: string): readonly string[] {
  return text.split(" ").flatMap((term) => {
    const [count = "", part] = term.split("*");
    return part === undefined ? [count] : new Array<string>(JSON.parse(count)).fill(part);
  });
}

describe("sums", () => {
  it.each(sums)("[NU7] the sum of %s is %s", (text, expected) => {
    const parts = partsOf(text);
    const forwards = parts.reduce((sum, part) => sum + amount(literal(part)), 0n);
    const backwards = parts.reduceRight((sum, part) => sum + amount(part), 0n);
    expect(formatDecimal(forwards)).toBe(expected);
    expect(formatDecimal(backwards)).toBe(expected);
  });

  it("[NU7] ten million times 0.1 is one million", () => {
    let sum = 0n;
    for (let count = 0; count < 10_000_000; count += 1) sum += amount(0.1);
    expect(formatDecimal(sum)).toBe("1000000");
  });

  it("[NU7] [NU8] a sum is that of the rational model, in any order", () => {
    const part = fc.record({ units: fc.bigInt(-(10n ** 24n), 10n ** 24n), places: fc.nat(18) });
    const parts = fc.array(part, { maxLength: 50 });
    fc.assert(
      fc.property(parts, fc.infiniteStream(fc.nat()), (list, keys) => {
        const kept = list.filter(({ units, places }) => units / 10n ** BigInt(places) < 10n ** 20n);
        const spelled = kept.map(({ units, places }) => amountOf(units, places));
        const shuffled = spelled
          .map((one) => ({ one, key: keys.next().value }))
          .sort((a, b) => Number(a.key) - Number(b.key));
        const expected = rationalSum(kept);
        expect(spelled.reduce((sum, one) => sum + one, 0n) * expected.below).toBe(
          expected.above * 10n ** 18n,
        );
        expect(shuffled.reduce((sum, { one }) => sum + one, 0n)).toBe(
          spelled.reduce((sum, one) => sum + one, 0n),
        );
      }),
    );
  });

  it("[NU9] amounts are compared by value", () => {
    expect(amount("0.1")).toBe(amount("0.10000000000000000"));
    expect(amount(literal("9007199254740993")) > amount(9007199254740992)).toBe(true);
    expect(amount("-1") < amount("-0.999999999999999999")).toBe(true);
  });
});

interface Fraction {
  readonly above: bigint;
  readonly below: bigint;
}

function amountOf(units: bigint, places: number): Decimal {
  const bounded = units % 10n ** 20n;
  return amount(`${bounded}e-${places}`);
}

/** Schoolbook: a/b + c/d = (ad + cb) / bd. */
function rationalSum(parts: readonly { units: bigint; places: number }[]): Fraction {
  return parts.reduce<Fraction>(
    ({ above, below }, { units, places }) => {
      const denominator = 10n ** BigInt(places);
      const numerator = units % 10n ** 20n;
      return { above: above * denominator + numerator * below, below: below * denominator };
    },
    { above: 0n, below: 1n },
  );
}

describe("amounts out", () => {
  it("[NU10] text is canonical and reads as the same amount", () => {
    const limit = 10n ** 38n - 1n;
    fc.assert(
      fc.property(fc.bigInt(-limit, limit), (decimal) => {
        const text = formatDecimal(decimal);
        expect(text).toMatch(/^(?:0|-?(?:0|[1-9]\d*)\.\d*[1-9]|-?[1-9]\d*)$/);
        expect(parseDecimal(text)).toEqual({ ok: true, value: decimal });
      }),
      { numRuns: 2_000 },
    );
  });

  it("[NU10] sums of any size are written in full", () => {
    expect(formatDecimal(10n ** 68n + 5n * 10n ** 17n)).toBe(`1${"0".repeat(50)}.5`);
    expect(formatDecimal(-1n)).toBe("-0.000000000000000001");
    expect(formatDecimal(-(15n * 10n ** 17n))).toBe("-1.5");
  });

  it("[NU11] the JSON literal has exactly the amount's digits", () => {
    const texts = ["25", "0", "-0.5", "0.000001", "0.0000001", "9007199254740993", "1e19", "0.1"];
    for (const text of texts) {
      const written = JSON.stringify(toJsonNumber(amount(text)));
      expect(written).toBe(formatDecimal(amount(text)));
    }
    expect(toJsonNumber(amount("25"))).toBe(25);
    expect(toJsonNumber(amount("0.0000001"))).toBeInstanceOf(ExactNumber);
    expect(JSON.stringify(toJsonNumber(2n * amount("99999999999999999999")))).toBe(
      "199999999999999999998",
    );
    fc.assert(
      fc.property(fc.bigInt(), (decimal) => {
        expect(JSON.stringify(toJsonNumber(decimal))).toBe(formatDecimal(decimal));
      }),
    );
  });
});

describe("numbers as text", () => {
  it.each([
    [["1", "1.0", "1e0", "10e-1", "0.1e1", "100e-2", "1E+0"], "1"],
    [["0", "-0", "0.00", "0e400", "-0e-99999999999999999999"], "0"],
    [["-1.50", "-15e-1"], "-1.5"],
    [["1e-7", "0.0000001"], "0.0000001"],
    [["1e21", "1000000000000000000000"], "1000000000000000000000"],
    [["1e59", `1${"0".repeat(59)}`], `1${"0".repeat(59)}`],
    [["1e60", `1${"0".repeat(60)}`, "0.1e61"], "1e60"],
    [["-1e59", "-10e58"], "-1e59"],
    [["1e400", "10e399", `1${"0".repeat(400)}.0`], "1e400"],
    [["15e-70", "1.5e-69", `0.${"0".repeat(68)}15`], "15e-70"],
    [["1e1000000000000000", "10e999999999999999", "0.1e1000000000000001"], "1e1000000000000000"],
    [["1e-1000000000000000", "0.1e-999999999999999"], "1e-1000000000000000"],
    [["10e99999999999999999999", "1e100000000000000000000"], "1e100000000000000000000"],
    [["1e99999999999999999999", "0.1e100000000000000000000"], "1e99999999999999999999"],
    [["10e-100000000000000000000", "1e-99999999999999999999"], "1e-99999999999999999999"],
  ])("[NU12] [NU13] %j have one text", (spellings, expected) => {
    for (const spelling of spellings) {
      expect(canonicalNumber(new ExactNumber(spelling))).toBe(expected);
    }
  });

  it("[NU12] plain numbers and literals of one value have one text", () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.oneof(finite, fc.integer()), (double) => {
        const text = canonicalNumber(double);
        expect(canonicalNumber(new ExactNumber(JSON.stringify(double)))).toBe(text);
        expect(canonicalNumber(new ExactNumber(text))).toBe(text);
        expect(Object.is(double, -0) ? 0 : double).toBe(JSON.parse(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it("[NU12] texts are equal exactly when values are", () => {
    const spelling = fc.record({
      digits: fc.bigInt(-2_000n, 2_000n),
      exponent: fc.integer({ min: -70, max: 70 }),
    });
    fc.assert(
      fc.property(spelling, spelling, fc.nat(20), (a, b, zeros) => {
        const text = canonicalNumber(new ExactNumber(`${a.digits}e${a.exponent}`));
        const other = canonicalNumber(new ExactNumber(`${b.digits}e${b.exponent}`));
        const scaled = `${a.digits}${"0".repeat(a.digits === 0n ? 0 : zeros)}`;
        const shift = a.digits === 0n ? 0 : zeros;
        const same = canonicalNumber(new ExactNumber(`${scaled}e${a.exponent - shift}`));
        expect(same).toBe(text);
        const left = a.digits * 10n ** BigInt(a.exponent + 70);
        const right = b.digits * 10n ** BigInt(b.exponent + 70);
        expect(text === other).toBe(left === right);
      }),
      { numRuns: 2_000 },
    );
  });

  it("[NU6] [NU13] hostile literals take linear time", () => {
    const digits = "7".repeat(1_000_000);
    expect(canonicalNumber(new ExactNumber(`10e${digits}`))).toBe(`1e${digits.slice(0, -1)}8`);
    expect(canonicalNumber(new ExactNumber(`${digits}000`))).toBe(`${digits}e3`);
  });
});
