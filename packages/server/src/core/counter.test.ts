// Counters against a naive model that adds bigints: random records into total, groups and the open
// quarter-hour, of mixed sizes and places, with a row and back at any moment (docs/spec/counting.md,
// AG1 to AG3 and AG8; docs/spec/usage-over-time.md, UW1 and UW2).
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aggregate } from "./aggregation.ts";
import { Amount } from "./amount.ts";
import { Counter, type CounterRow } from "./counter.ts";
import { type Decimal, parseDecimal } from "./decimal.ts";
import { type AggregationType, aggregationTypes } from "./definitions.ts";
import { type ScaledUnits, scaledToDecimal } from "./exact-cells.ts";
import type { JsonValue } from "./json-value.ts";
import { quarterMs } from "./open-window.ts";
import { assert } from "./problem.ts";

const seed = Number(process.env.SEED ?? "20261122");

const whole = fc.integer({ min: -50, max: 50 }).map(String);
const fractions = fc
  .tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: 1, max: 9 }))
  .map(([units, places]) => `${units}e-${places}`);
const thousandths = fc.integer({ min: -9_999, max: 9_999 }).map((units) => `${units}e-3`);
/** At which one number of places or another no longer fits a double. */
const edges = fc.constantFrom(
  "9007199254740991",
  "-9007199254740991",
  "9007199254740.991",
  "-9007199254740.991",
  "9007199254740992",
  "9007199.254740991",
  "-9007199.254740992",
  "4503599627370496",
);
const extremes = fc.constantFrom(
  "0.000000000000000001",
  "99999999999999999999.999999999999999999",
  "-99999999999999999999",
);

/** Histories of one kind each: what is large moves all later values to Decimals. */
const kinds: readonly fc.Arbitrary<string>[] = [
  whole,
  fractions,
  fc.oneof(whole, thousandths, fractions),
  fc.oneof({ weight: 9, arbitrary: whole }, { weight: 1, arbitrary: edges }),
  fc.oneof({ weight: 9, arbitrary: thousandths }, { weight: 1, arbitrary: edges }),
  fc.oneof({ weight: 5, arbitrary: fractions }, edges),
  edges,
  fc.oneof(edges, thousandths),
  fc.oneof({ weight: 9, arbitrary: fractions }, { weight: 1, arbitrary: extremes }),
];

interface Step {
  readonly amount: string;
  readonly groups: readonly number[];
  /** Of the window that is open; `window` opens and closes one before the record is counted. */
  readonly minute: number;
  readonly window: "stays" | "opens" | "closes";
  readonly isWrittenAndRead: boolean;
}

const steps = (groupMax: number | null): fc.Arbitrary<Step[]> =>
  fc.constantFrom(...kinds).chain((amount) =>
    fc.array(
      fc.record({
        amount,
        groups: fc.uniqueArray(fc.nat(groupMax ?? 0), { maxLength: groupMax === null ? 0 : 3 }),
        minute: fc.nat(14),
        window: fc.constantFrom("stays", "stays", "stays", "stays", "opens", "closes"),
        isWrittenAndRead: fc.boolean(),
      }),
      { maxLength: 60, size: "max" },
    ),
  );

/** What a counter should show, from the exact amounts alone. */
class Model {
  count = 0;
  firstAt = 0;
  lastAt = 0;
  value: Decimal | null = null;
  readonly groups = new Map<number, Decimal>();
  /** Null where none is open. */
  window: {
    readonly start: number;
    minutes: (Decimal | null)[];
    groups: Map<number, Decimal>;
  } | null = null;

  take(type: AggregationType, amount: Decimal, now: number): void {
    if (this.count === 0) this.firstAt = now;
    this.count += 1;
    this.lastAt = now;
    this.value = aggregate(type, this.value, amount);
  }

  takeInGroup(group: number, type: AggregationType, amount: Decimal): void {
    for (const groups of [this.groups, this.window?.groups]) {
      groups?.set(group, aggregate(type, groups.get(group) ?? null, amount));
    }
  }

  takeInMinute(minute: number, type: AggregationType, amount: Decimal): void {
    const minutes = this.window?.minutes ?? [];
    minutes[minute] = aggregate(type, minutes[minute] ?? null, amount);
  }
}

/** A number where a body could hold it as one: only so do amounts have more than 15 digits. */
function jsonOf(text: string): JsonValue {
  const double = Number(text);
  return String(double) === text ? double : text;
}

function decimalOf(text: string): Decimal {
  const read = parseDecimal(text);
  assert(read.ok, `${text} is an amount`);
  return read.value;
}

function shown(counter: Counter): object {
  const { count, firstAt, lastAt, value } = counter;
  const groups = Array.from({ length: counter.groups }, (_, at) => [
    counter.groupNumber(at),
    counter.groupValue(at),
  ]);
  return { count, firstAt, lastAt, value, groups, window: shownWindow(counter) };
}

function shownWindow(counter: Counter): object | null {
  if (!counter.hasWindow) return null;
  const decimal = (units: ScaledUnits | null): Decimal | null =>
    units === null ? null : scaledToDecimal(units, counter.places);
  const minutes: (Decimal | null)[] = Array.from({ length: 15 }, () => null);
  const turns = counter.windowMinutes();
  for (let at = 0; at < turns.length; at += 2) {
    minutes[Number(turns[at])] = decimal(turns[at + 1] ?? null);
  }
  const groups = Array.from({ length: counter.groups }, (_, at) =>
    decimal(counter.windowGroup(at)),
  );
  return { start: counter.windowStart, minutes, groups };
}

function expected({ count, firstAt, lastAt, value, groups, window }: Model): object {
  const inWindow = window && [...groups.keys()].map((group) => window.groups.get(group) ?? null);
  const shown = window && { ...window, groups: inWindow };
  return { count, firstAt, lastAt, value, groups: [...groups], window: shown };
}

function takeInGroup(
  counter: Counter,
  group: number,
  { type, amount }: { readonly type: AggregationType; readonly amount: Amount },
): void {
  const numbers = Array.from({ length: counter.groups }, (_, at) => counter.groupNumber(at));
  const isThere = numbers.includes(group);
  expect(counter.takeInGroup(group, type, amount)).toBe(isThere);
  if (!isThere) counter.addGroup(group, type, amount);
}

/** As a snapshot would bring it back. */
function restored(counter: Counter): Counter {
  return Counter.fromRow(JSON.parse(JSON.stringify(counter.toRow())) as CounterRow);
}

function moveWindow(
  counter: Counter,
  model: Model,
  { change, start }: { readonly change: Step["window"]; readonly start: number },
): void {
  if (change === "closes") {
    counter.closeWindow();
    model.window = null;
  } else if (change === "opens") {
    counter.openWindow(start);
    const minutes = Array.from({ length: 15 }, () => null);
    model.window = { start, minutes, groups: new Map() };
  }
  expect([counter.isInWindow(start), counter.isInWindow(start + quarterMs)]).toEqual([
    change === "opens",
    false,
  ]);
}

function run(type: AggregationType, list: readonly Step[]): void {
  let counter = new Counter(1_000, 9_000, 1_000);
  const model = new Model();
  const amount = new Amount();
  let now = 1_000;
  for (const step of list) {
    now += 1;
    amount.read(jsonOf(step.amount));
    const decimal = decimalOf(step.amount);
    counter.take(type, amount, now);
    model.take(type, decimal, now);
    moveWindow(counter, model, { change: step.window, start: now * quarterMs });
    if (counter.hasWindow) {
      counter.takeInMinute(counter.windowStart + step.minute * 60_000 + 7, type, amount);
      model.takeInMinute(step.minute, type, decimal);
    }
    for (const group of step.groups) {
      expect(counter.hasGroup(group)).toBe(model.groups.has(group));
      takeInGroup(counter, group, { type, amount });
      model.takeInGroup(group, type, decimal);
    }
    if (step.isWrittenAndRead) counter = restored(counter);
    expect(shown(counter)).toEqual(expected(model));
    expect(counter.updatedAt).toBe(now);
  }
  expect(shown(restored(counter))).toEqual(expected(model));
  expect([counter.periodStart, counter.periodEnd]).toEqual([1_000, 9_000]);
}

describe("a counter", () => {
  for (const type of aggregationTypes) {
    it(`[AG8] with ${type} shows what exact amounts give, at every moment (seed ${seed})`, () => {
      const property = fc.property(steps(5), (list) => run(type, list));
      fc.assert(property, { seed, numRuns: 150 });
    });

    it(`[AG8] with ${type} shows the same without groups (seed ${seed})`, () => {
      const property = fc.property(steps(null), (list) => run(type, list));
      fc.assert(property, { seed, numRuns: 80 });
    });

    it(`[AG8] with ${type} finds each of many groups (seed ${seed})`, () => {
      const property = fc.property(steps(70), (list) => run(type, list));
      fc.assert(property, { seed, numRuns: 80 });
    });
  }

  it("[AG2] shows nothing before the first record, which always wins", () => {
    const amount = new Amount();
    amount.read(-5);
    for (const type of ["max", "min"] as const) {
      const counter = new Counter(0, 1, 0);
      expect([counter.value, counter.count, counter.firstAt]).toEqual([null, 0, 0]);
      counter.take(type, amount, 7);
      expect(counter.value).toBe(decimalOf("-5"));
    }
  });

  it("[AG8] keeps a small group exact when the total passes 2^53", () => {
    const counter = new Counter(0, 1, 0);
    const small = new Amount();
    small.read(0.001);
    const large = new Amount();
    large.read(Number.MAX_SAFE_INTEGER);
    counter.take("sum", small, 1);
    counter.addGroup(4, "sum", small);
    counter.take("sum", large, 2);
    counter.addGroup(2, "sum", large);
    counter.take("sum", large, 3);
    takeInGroup(counter, 2, { type: "sum", amount: large });
    expect(counter.value).toBe(decimalOf("18014398509481982.001"));
    expect([counter.groupValue(0), counter.groupValue(1)]).toEqual([
      decimalOf("0.001"),
      decimalOf("18014398509481982"),
    ]);
  });

  it.each([1, -1])(
    "[AG8] keeps a value of size 2^53 exact when a fraction follows (%i)",
    (sign) => {
      const counter = new Counter(0, 1, 0);
      const amount = new Amount();
      for (const value of [sign * Number.MAX_SAFE_INTEGER, 0.001]) {
        amount.read(value);
        counter.take("sum", amount, 1);
      }
      expect(counter.value).toBe(BigInt(sign) * 9007199254740991n * 10n ** 18n + 10n ** 15n);
    },
  );

  it("[AG8] counts 1 for each record of an increment meter, however large its amount", () => {
    const counter = new Counter(0, 1, 0);
    const amount = new Amount();
    for (const value of ["99999999999999999999", "0.000000000000000001", "-3"]) {
      amount.read(value);
      counter.take("increment", amount, 1);
      takeInGroup(counter, 0, { type: "increment", amount });
    }
    expect([counter.value, counter.groupValue(0)]).toEqual([decimalOf("3"), decimalOf("3")]);
    expect(counter.toRow()[2]).toBeNull();
  });

  it("moves its end, and the time of its last change", () => {
    const counter = new Counter(1, 2, 1);
    counter.periodEnd = 5;
    counter.updatedAt = 4;
    expect([counter.periodStart, counter.periodEnd, counter.updatedAt]).toEqual([1, 5, 4]);
  });
});
