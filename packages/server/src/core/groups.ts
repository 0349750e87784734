// Breakdowns of a meter's value by fields (AG4, AG5): one group for each combination of texts of a
// group-by entry. They belong to one period and are emptied by a reset.
import type { Amount } from "./amount.ts";
import type { Counter } from "./counter.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";
import { type Group, type GroupKeys, type GroupTable, groupByIdentity } from "./group-keys.ts";
import { groupsPerBreakdownMax } from "./limits.ts";
import type { OpenWindow } from "./open-window.ts";
import { type FieldPath, fieldValue, groupText, type VisibleFields } from "./record-fields.ts";

/** Key under which everything beyond the bound goes out (D-43). */
export const overflowKey = "__other__";

/** A group-by entry of a guiding rule, prepared. */
export interface GroupBy {
  readonly fields: readonly string[];
  readonly paths: readonly FieldPath[];
  readonly identity: string;
}

/** What is counted into groups, and where their numbers come from. */
export interface Grouping {
  readonly type: AggregationType;
  readonly amount: Amount;
  readonly keys: GroupKeys;
  /** Counts the same into its groups; null when windows are not kept. */
  readonly window: OpenWindow | null;
}

/** Adds the record's amount to the group that it belongs to, one for each group-by entry. */
export function countGroups(
  counter: Counter,
  groupBys: readonly GroupBy[],
  { record, grouping }: { readonly record: VisibleFields; readonly grouping: Grouping },
): void {
  const { type, amount, keys, window } = grouping;
  for (const { fields, paths, identity } of groupBys) {
    const key = groupKey(record, paths);
    const table = keys.table(identity, fields);
    const known = table.numbers.get(key);
    const place = known === undefined ? -1 : counter.takeInGroup(known, type, amount);
    const index = place < 0 ? countNewGroup(counter, { table, key }, grouping) : place;
    window?.takeInGroup(index, type, amount);
  }
}

/** Gives the place among the counter's groups that the amount was counted into. */
function countNewGroup(
  counter: Counter,
  { table, key }: { table: GroupTable; key: string },
  { type, amount, keys }: Grouping,
): number {
  // A counter has the group for all others only once it has as many groups as it may.
  const other = table.numbers.get(null);
  const place = other === undefined ? -1 : counter.takeInGroup(other, type, amount);
  if (place >= 0) return place;
  const number = keys.use(table, isFull(counter, table, keys) ? null : key);
  counter.addGroup(number, type, amount);
  return counter.groups - 1;
}

/** Whether the counter has as many groups of the entry as it may. */
function isFull(counter: Counter, table: GroupTable, keys: GroupKeys): boolean {
  if (counter.groups < groupsPerBreakdownMax) return false;
  let groups = 0;
  for (let at = 0; at < counter.groups; at += 1) {
    if (keys.tableOf(counter.groupNumber(at)) === table) groups += 1;
  }
  return groups >= groupsPerBreakdownMax;
}

/** Gives the numbers of a counter's groups free: it is counted into no more. */
export function releaseGroups(counter: Counter, keys: GroupKeys): void {
  for (let at = 0; at < counter.groups; at += 1) keys.release(counter.groupNumber(at));
}

/** Groups with their values as they go out: by group-by entry, each in order of appearance. */
export function listGroups(
  counter: Counter,
  keys: GroupKeys,
): { readonly group: Group; readonly value: Decimal }[] {
  const byEntry = new Map<string, { group: Group; value: Decimal }[]>();
  for (let at = 0; at < counter.groups; at += 1) {
    const group = keys.group(counter.groupNumber(at));
    const entry = groupByIdentity(group.fields);
    const listed = byEntry.get(entry) ?? [];
    listed.push({ group, value: counter.groupValue(at) });
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
