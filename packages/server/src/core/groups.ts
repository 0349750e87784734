// Breakdowns of a meter's value by fields (AG4, AG5): one group for each combination of texts of a
// group-by entry. They belong to one period and are emptied by a reset.
import type { Amount } from "./amount.ts";
import type { Counter } from "./counter.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";
import { type Group, type GroupKeys, type GroupTable, groupByIdentity } from "./group-keys.ts";
import { groupsPerBreakdownMax } from "./limits.ts";
import { groupText, type RuleField, ruleValue, type VisibleFields } from "./record-fields.ts";
import { kindOf } from "./scanned-records.ts";

/** Key under which everything beyond the bound goes out (D-43). */
export const overflowKey = "__other__";

/** A group-by entry of a guiding rule, prepared. */
export interface GroupBy {
  readonly fields: readonly string[];
  readonly paths: readonly RuleField[];
  readonly identity: string;
}

/** What is counted into groups, and where their numbers come from. */
export interface Grouping {
  readonly type: AggregationType;
  readonly amount: Amount;
  readonly keys: GroupKeys;
}

/** Adds the record's amount to the group that it belongs to, one for each group-by entry. */
export function countGroups(
  counter: Counter,
  groupBys: readonly GroupBy[],
  { record, grouping }: { readonly record: VisibleFields; readonly grouping: Grouping },
): void {
  const { type, amount, keys } = grouping;
  for (const { fields, paths, identity } of groupBys) {
    const table = keys.table(identity, fields);
    const known = numberOf(record, paths, { keys, table });
    const isCounted = known !== undefined && counter.takeInGroup(known, type, amount);
    if (!isCounted) countNewGroup(counter, { table, key: groupKey(record, paths) }, grouping);
  }
}

/** The number of the record's group; undefined where no counter has it. */
function numberOf(
  record: VisibleFields,
  paths: readonly RuleField[],
  { keys, table }: { readonly keys: GroupKeys; readonly table: GroupTable },
): number | undefined {
  const { columns, index } = record;
  const column = paths.length === 1 ? paths[0]?.column : undefined;
  if (columns !== null && column !== undefined && columns.kind(index, column) === kindOf.text) {
    return keys.numberIn(table, columns, { record: index, column });
  }
  return table.numbers.get(groupKey(record, paths));
}

function countNewGroup(
  counter: Counter,
  { table, key }: { table: GroupTable; key: string },
  { type, amount, keys }: Grouping,
): void {
  // A counter has the group for all others only once it has as many groups as it may.
  const other = table.numbers.get(null);
  if (other !== undefined && counter.takeInGroup(other, type, amount)) return;
  const number = keys.use(table, isFull(counter, table, keys) ? null : key);
  counter.addGroup(number, type, amount);
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
function groupKey(record: VisibleFields, paths: readonly RuleField[]): string {
  const first = paths[0];
  if (paths.length === 1 && first !== undefined) return groupText(ruleValue(record, first));
  return paths
    .map((path) => groupText(ruleValue(record, path)).replace(/[\\|]/g, "\\$&"))
    .join("|");
}
