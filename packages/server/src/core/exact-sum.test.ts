// Sums of very many amounts against a bigint (docs/spec/numbers.md): at every moment, whatever their
// places and sizes, also where the double that gathers them would pass 2^53.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Amount } from "./amount.ts";
import { type Decimal, parseDecimal } from "./decimal.ts";
import { ExactSum } from "./exact-sum.ts";
import { assert } from "./problem.ts";

const seed = Number(process.env.SEED ?? "20261122");

const texts = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }).map(String),
  fc.tuple(fc.integer(), fc.integer({ min: 1, max: 9 })).map(([n, places]) => `${n}e-${places}`),
  fc.maxSafeInteger().map(String),
  fc.constantFrom("9007199254740991", "-9007199254740991", "1e-18", "99999999999999999999"),
);

function decimalOf(text: string): Decimal {
  const read = parseDecimal(text);
  assert(read.ok, `${text} is an amount`);
  return read.value;
}

describe("an exact sum", () => {
  it(`[NU7] is that of exact amounts at every moment (seed ${seed})`, () => {
    const property = fc.property(
      fc.bigInt(),
      fc.array(texts, { maxLength: 60, size: "max" }),
      (start, list) => {
        const sum = new ExactSum(start);
        const amount = new Amount();
        let expected = start;
        for (const text of list) {
          amount.read(text);
          sum.add(amount);
          expected += decimalOf(text);
          expect(sum.decimal).toBe(expected);
        }
      },
    );
    fc.assert(property, { seed, numRuns: 300 });
  });

  it("[NU7] goes on beyond what a double carries", () => {
    const sum = new ExactSum();
    const amount = new Amount();
    amount.read(Number.MAX_SAFE_INTEGER);
    for (let at = 0; at < 1_000; at += 1) sum.add(amount);
    amount.read(1e-9);
    sum.add(amount);
    expect(sum.decimal).toBe(decimalOf("9007199254740991000.000000001"));
  });
});
