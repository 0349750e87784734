// The four ways to count (AG1, AG2). All are independent of the order of records, so a replay, a
// retry and a reordered batch come to the same value.

import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";

/** One record of an increment meter: exactly 1. */
const unit: Decimal = 10n ** 18n;

/** The value of two parts of the same records together. */
export function combine(type: AggregationType, one: Decimal, other: Decimal): Decimal {
  switch (type) {
    case "sum":
    case "increment":
      return one + other;
    case "max":
      return one > other ? one : other;
    case "min":
      return one < other ? one : other;
  }
}

/** The value after one more record; null before the first, so that any first value wins (D-42). */
export function aggregate(
  type: AggregationType,
  current: Decimal | null,
  amount: Decimal,
): Decimal {
  switch (type) {
    case "sum":
      return current === null ? amount : current + amount;
    case "increment":
      return current === null ? unit : current + unit;
    case "max":
      return current === null || amount > current ? amount : current;
    case "min":
      return current === null || amount < current ? amount : current;
  }
}
