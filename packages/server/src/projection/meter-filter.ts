// What lists of a meter's outputs are filtered by, and what the filter means for a table with the
// columns account, key, type, meter_id and user_id: the numbers of its names, the conditions, and
// which of them leaves the fewest rows. Reads names only.
import type { EpochMs } from "../core/ports.ts";
import type { Names } from "./names.ts";
import type { Condition } from "./statements.ts";

/** Exact and joined by AND; `from` and `to` are half-open on the list's own time. */
export interface MeterFilter {
  readonly accountId: string;
  readonly userId?: string | undefined;
  readonly meterId?: string | undefined;
  readonly meterTypeId?: string | undefined;
  readonly meterKey?: string | undefined;
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
}

export interface FilterNumbers {
  readonly account: number;
  readonly key: number | undefined;
  readonly type: number | undefined;
}

export interface FoundFilter extends FilterNumbers {
  /** Of everything but the time. */
  readonly conditions: readonly Condition[];
  /** The condition that most narrows the rows; indexes are named for it. */
  readonly narrowest: "meter" | "user" | "key" | "type" | "account";
}

/** Null: the filter names what no row has. */
export function findFilter(names: Names, filter: MeterFilter): FoundFilter | null {
  const { meterId, userId } = filter;
  const account = names.find(filter.accountId);
  const key = names.findGiven(filter.meterKey);
  const type = names.findGiven(filter.meterTypeId);
  if (account === undefined || key === null || type === null) return null;
  const conditions: readonly Condition[] = [
    ["account = ?", account],
    ["meter_id = ?", meterId],
    ["user_id = ?", userId],
    ["key = ?", key],
    ["type = ?", type],
  ];
  const narrowing = { meter: meterId, user: userId, key, type };
  const narrowest = narrowings.find((name) => narrowing[name] !== undefined) ?? "account";
  return { account, key, type, conditions, narrowest };
}

/** The narrowest first. */
const narrowings = ["meter", "user", "key", "type"] as const;
