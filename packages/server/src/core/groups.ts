// Breakdowns of a meter's value by fields (AG4, AG5): one group for each combination of texts of a
// group-by entry. They belong to one period and are emptied by a reset.
import { aggregate } from "./aggregation.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";
import { type Group, type GroupShape, groupByIdentity, type ShapeBudget } from "./group-shape.ts";
import { type FieldPath, fieldValue, groupText, type VisibleFields } from "./record-fields.ts";

/** Key under which everything beyond the bound goes out (D-43). */
export const overflowKey = "__other__";

/** Below this many groups arrays are kept without spare room. */
const spareRoomFrom = 16;

/** A group-by entry of a guiding rule, prepared. */
export interface GroupBy {
  readonly fields: readonly string[];
  readonly paths: readonly FieldPath[];
  readonly identity: string;
}

/** The groups of one counter: which ones, and the value of each. */
export interface Grouped {
  shape: GroupShape;
  values: readonly Decimal[];
}

/** Adds the record's amount to the group that it belongs to, one for each group-by entry. */
export function countGroups(
  grouped: Grouped,
  groupBys: readonly GroupBy[],
  counted: {
    readonly record: VisibleFields;
    readonly type: AggregationType;
    readonly amount: Decimal;
    readonly shapes: ShapeBudget;
  },
): void {
  const { record, type, amount, shapes } = counted;
  for (const { fields, paths, identity } of groupBys) {
    const key = groupKey(record, paths);
    const at = grouped.shape.placeOf(identity, key);
    const present = at === undefined ? undefined : grouped.values[at];
    if (at !== undefined && present !== undefined) {
      (grouped.values as Decimal[])[at] = aggregate(type, present, amount);
      continue;
    }
    grouped.shape = grouped.shape.grow(identity, { fields, key }, shapes);
    grouped.values = appended(grouped.values, aggregate(type, null, amount));
  }
}

/** Groups with their values as they go out: by group-by entry, each in order of appearance. */
export function listGroups({
  shape,
  values,
}: Grouped): { readonly group: Group; readonly value: Decimal }[] {
  const byEntry = new Map<string, { group: Group; value: Decimal }[]>();
  for (const [at, group] of shape.groups.entries()) {
    const entry = groupByIdentity(group.fields);
    const listed = byEntry.get(entry) ?? [];
    listed.push({ group, value: values[at] ?? 0n });
    byEntry.set(entry, listed);
  }
  // What is beyond the bound came last: it appears only when the entry is full.
  return [...byEntry.values()].flat();
}

/** Values of several fields are joined with `|`; `\` and `|` inside them are escaped (D-25). */
function groupKey(record: VisibleFields, paths: readonly FieldPath[]): string {
  const first = paths[0];
  if (paths.length === 1 && first !== undefined) return groupText(fieldValue(record, first));
  return paths
    .map((path) => groupText(fieldValue(record, path)).replace(/[\\|]/g, "\\$&"))
    .join("|");
}

function appended(values: readonly Decimal[], value: Decimal): readonly Decimal[] {
  if (values.length < spareRoomFrom) return [...values, value];
  (values as Decimal[]).push(value);
  return values;
}
