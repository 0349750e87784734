// The four ways to count (AG1, AG2). All are independent of the order of records, so a replay, a
// retry and a reordered batch come to the same value.

import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";

/** One record of an increment meter: exactly 1. */
const one: Decimal = 10n ** 18n;

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
      return current === null ? one : current + one;
    case "max":
      return current === null || amount > current ? amount : current;
    case "min":
      return current === null || amount < current ? amount : current;
  }
}
