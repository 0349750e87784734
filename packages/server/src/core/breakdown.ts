// Breakdowns of a meter's value by fields (groups). They belong to one period and are emptied by a
// reset. Most meters have few groups and there may be a million meters, so small arrays are kept
// without spare room and only large breakdowns get an index.
import { aggregate } from "./aggregation.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";
import { groupsPerBreakdownMax } from "./limits.ts";
import { type FieldPath, fieldValue, groupText, type VisibleFields } from "./record-fields.ts";

/** Key of the group that takes what is beyond the bound (D-43). */
export const overflowKey = "__other__";

/** From this many groups on a Map finds a key sooner than a walk, and arrays may grow by spare room. */
const largeFrom = 12;

/** One group-by entry's groups, in the order in which their keys first appeared. */
export interface Breakdown {
  /** The rule's own array once a rule has counted here: found again by identity. */
  fields: readonly string[];
  keys: string[];
  values: Decimal[];
  /** Place of each key; built when there are many. */
  index: Map<string, number> | null;
  /** Value of everything beyond `groupsPerBreakdownMax` keys; null while there is none. */
  overflow: Decimal | null;
}

/** A group-by entry of a guiding rule, prepared. */
export interface GroupBy {
  readonly fields: readonly string[];
  readonly paths: readonly FieldPath[];
  /** Tells entries with equal fields apart from others. */
  readonly identity: string;
}

/**
 * Adds the record's amount to the group that it belongs to, one for each group-by entry. Gives the
 * breakdowns, with new ones appended.
 */
export function countGroups(
  breakdowns: readonly Breakdown[],
  groupBys: readonly GroupBy[],
  counted: { record: VisibleFields; type: AggregationType; amount: Decimal },
): readonly Breakdown[] {
  let all = breakdowns;
  for (let at = 0; at < groupBys.length; at += 1) {
    const groupBy = groupBys[at] as GroupBy;
    const key = groupKey(counted.record, groupBy.paths);
    const breakdown = findBreakdown(all, groupBy, at);
    if (breakdown !== undefined) addToGroup(breakdown, key, counted);
    else all = [...all, newBreakdown(groupBy.fields, key, counted)];
  }
  return all;
}

/** Values of several fields are joined with `|`; `\` and `|` inside them are escaped (D-25). */
function groupKey(record: VisibleFields, paths: readonly FieldPath[]): string {
  const first = paths[0];
  if (paths.length === 1 && first !== undefined) return groupText(fieldValue(record, first));
  return paths
    .map((path) => groupText(fieldValue(record, path)).replace(/[\\|]/g, "\\$&"))
    .join("|");
}

function newBreakdown(
  fields: readonly string[],
  key: string,
  { type, amount }: { type: AggregationType; amount: Decimal },
): Breakdown {
  const values = [aggregate(type, null, amount)];
  return { fields, keys: [key], values, index: null, overflow: null };
}

function findBreakdown(
  breakdowns: readonly Breakdown[],
  groupBy: GroupBy,
  likelyAt: number,
): Breakdown | undefined {
  const likely = breakdowns[likelyAt];
  if (likely !== undefined && likely.fields === groupBy.fields) return likely;
  for (const breakdown of breakdowns) {
    if (JSON.stringify(breakdown.fields) !== groupBy.identity) continue;
    breakdown.fields = groupBy.fields;
    return breakdown;
  }
  return undefined;
}

function addToGroup(
  breakdown: Breakdown,
  key: string,
  { type, amount }: { type: AggregationType; amount: Decimal },
): void {
  const at = placeOf(breakdown, key);
  const present = at < 0 ? undefined : breakdown.values[at];
  if (present !== undefined) {
    breakdown.values[at] = aggregate(type, present, amount);
    return;
  }
  if (breakdown.keys.length >= groupsPerBreakdownMax) {
    breakdown.overflow = aggregate(type, breakdown.overflow, amount);
    return;
  }
  append(breakdown, key, aggregate(type, null, amount));
}

function append(breakdown: Breakdown, key: string, value: Decimal): void {
  if (breakdown.keys.length < largeFrom) {
    breakdown.keys = [...breakdown.keys, key];
    breakdown.values = [...breakdown.values, value];
    return;
  }
  breakdown.keys.push(key);
  breakdown.values.push(value);
  breakdown.index?.set(key, breakdown.keys.length - 1);
}

/** Place of a key, or -1. */
function placeOf(breakdown: Breakdown, key: string): number {
  if (breakdown.keys.length < largeFrom) return breakdown.keys.indexOf(key);
  breakdown.index ??= new Map(breakdown.keys.map((known, place) => [known, place]));
  return breakdown.index.get(key) ?? -1;
}
