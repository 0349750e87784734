// What a meter has counted in a quarter-hour or a day, as a row holds it and as amounts that can be
// combined. Most rows are written as they come; only parts of the same row are ever taken apart.
import { combine } from "../core/aggregation.ts";
import type { Places } from "../core/amount.ts";
import type { Decimal } from "../core/decimal.ts";
import { type AggregationType, aggregationTypes } from "../core/definitions.ts";
import { type ScaledUnits, scaledToDecimal } from "../core/exact-cells.ts";
import type { UsageWindowOutput, WindowGroups } from "../core/output.ts";
import { assert } from "../core/problem.ts";
import { groupIdentity, type UsageGroup, valuesOf } from "../core/usage-answer.ts";

/** The columns of a row that hold amounts. */
export interface StoredUsage {
  readonly places: Places;
  readonly total: string;
  /** Null: not kept any more, or never kept. */
  readonly minutes: string | null;
  /** Null: there are none. */
  readonly groups: string | null;
}

/** The same as amounts. */
export interface UsageAmounts {
  readonly total: Decimal;
  readonly minutes: ReadonlyMap<number, Decimal> | null;
  readonly groups: ReadonlyMap<string, UsageGroup>;
}

/** Decimal places of rows that were put together. */
const widePlaces = 18;

export function storedOutput(output: UsageWindowOutput): StoredUsage {
  const { places, minutes, groups, aggregation } = output;
  return {
    places,
    total: String(totalOf(minutes, aggregation)),
    minutes: JSON.stringify(minutes),
    groups: groups.length === 0 ? null : JSON.stringify(groups),
  };
}

export function storedAmounts({ total, minutes, groups }: UsageAmounts): StoredUsage {
  const turns = [...(minutes ?? [])].flatMap(([minute, value]) => [minute, String(value)]);
  return {
    places: widePlaces,
    total: String(total),
    minutes: minutes === null ? null : JSON.stringify(turns),
    groups: groups.size === 0 ? null : JSON.stringify(byEntry(groups.values())),
  };
}

export function amountsOf({ places, total, minutes, groups }: StoredUsage): UsageAmounts {
  return {
    total: scaledToDecimal(total, places),
    minutes: minutes === null ? null : new Map(minutesOf(minutes, places)),
    groups: new Map(groupsOf(groups, places).map((group) => [groupIdentity(group), group])),
  };
}

/** What two rows hold together. Minutes stay only where both have them. */
export function together(
  type: AggregationType,
  one: UsageAmounts,
  other: UsageAmounts,
): UsageAmounts {
  const groups = new Map(one.groups);
  for (const [name, group] of other.groups) {
    const known = groups.get(name);
    const value = known === undefined ? group.value : combine(type, known.value, group.value);
    groups.set(name, { ...group, value });
  }
  const total = combine(type, one.total, other.total);
  if (one.minutes === null || other.minutes === null) return { total, minutes: null, groups };
  const minutes = new Map(one.minutes);
  for (const [minute, value] of other.minutes) {
    const known = minutes.get(minute);
    minutes.set(minute, known === undefined ? value : combine(type, known, value));
  }
  return { total, minutes, groups };
}

export function groupsOf(text: string | null, places: Places): readonly UsageGroup[] {
  if (text === null) return [];
  const entries: readonly WindowGroups[] = JSON.parse(text);
  return entries.flatMap((entry) => valuesOf(entry, places));
}

function minutesOf(text: string, places: Places): (readonly [number, Decimal])[] {
  const turns: readonly ScaledUnits[] = JSON.parse(text);
  const minutes: (readonly [number, Decimal])[] = [];
  for (let at = 0; at < turns.length; at += 2) {
    minutes.push([Number(turns[at]), scaledToDecimal(turns[at + 1] ?? 0, places)]);
  }
  return minutes;
}

/** The value of all minutes, in their own units. */
function totalOf(minutes: readonly ScaledUnits[], type: AggregationType): bigint {
  let total: bigint | null = null;
  for (let at = 1; at < minutes.length; at += 2) {
    const units = BigInt(minutes[at] ?? 0);
    total = total === null ? units : combine(type, total, units);
  }
  return total ?? 0n;
}

function byEntry(groups: Iterable<UsageGroup>): readonly WindowGroups[] {
  const entries = new Map<string, { fields: readonly string[]; turns: (string | null)[] }>();
  for (const { fields, key, value } of groups) {
    const name = JSON.stringify(fields);
    const entry = entries.get(name) ?? { fields, turns: [] };
    entry.turns.push(key, String(value));
    entries.set(name, entry);
  }
  return [...entries.values()];
}

/** The aggregation that a row of `usage_meters` names. */
export function aggregationOf(cell: unknown): AggregationType {
  const type = aggregationTypes.find((each) => each === cell);
  assert(type !== undefined, "the projection holds an aggregation here");
  return type;
}
