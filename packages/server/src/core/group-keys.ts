// The groups that counters of one meter type have, each with a number that stands for it there: a
// million meters of one product mostly have the same few keys. A number is given free with its last
// use, so that this holds no more than the counters do. Which number a group has is never seen.
import { assert } from "./problem.ts";
import type { ScannedRecords } from "./scanned-records.ts";

/** A group: its group-by entry's fields, and its key; null for what is beyond the bound (AG5). */
export interface Group {
  readonly fields: readonly string[];
  readonly key: string | null;
}

/** Number, fields and key of a group. */
export type GroupRow = readonly [number, readonly string[], string | null];

/** The groups of one group-by entry. */
export interface GroupTable {
  readonly identity: string;
  readonly fields: readonly string[];
  /** Numbers by key. */
  readonly numbers: Map<string | null, number>;
  /** Numbers that were found lately, by hash of the key as it stands in columns. */
  readonly recent: RecentNumbers;
}

const recentMax = 64;

/** Numbers of groups by a hash; which are there changes no answer. */
class RecentNumbers {
  // Made with the first number: there are many meter types, and most are never counted by columns.
  #hashes: Int32Array | null = null;
  #numbers: Int32Array | null = null;

  /** -1: not there. Another key may have the same hash. */
  get(hash: number): number {
    const at = hash & (recentMax - 1);
    return this.#hashes?.[at] === hash ? (this.#numbers?.[at] ?? -1) : -1;
  }

  set(hash: number, number: number): void {
    this.#hashes ??= new Int32Array(recentMax);
    this.#numbers ??= new Int32Array(recentMax).fill(-1);
    const at = hash & (recentMax - 1);
    this.#hashes[at] = hash;
    this.#numbers[at] = number;
  }
}

export class GroupKeys {
  readonly #tables = new Map<string, GroupTable>();
  readonly #groups: (Group | undefined)[] = [];
  readonly #tableOf: (GroupTable | undefined)[] = [];
  /** How many counters have the group. */
  readonly #uses: number[] = [];
  readonly #free: number[] = [];

  /** The groups by number as they are now. */
  copy(): readonly (Group | undefined)[] {
    return this.#groups.slice();
  }

  /** Takes groups back, ascending by number; the counters that have them retain them. */
  load(rows: readonly GroupRow[]): void {
    for (const [number, fields, key] of rows) {
      for (let free = this.#groups.length; free < number; free += 1) {
        this.#groups.push(undefined);
        this.#free.push(free);
      }
      this.#put(number, this.table(groupByIdentity(fields), fields), key);
    }
  }

  /** The table of a group-by entry. */
  table(identity: string, fields: readonly string[]): GroupTable {
    let table = this.#tables.get(identity);
    if (table === undefined) {
      table = { identity, fields, numbers: new Map(), recent: new RecentNumbers() };
      this.#tables.set(identity, table);
    }
    return table;
  }

  /** The number of the group whose key is a text that stands in columns; undefined: none. */
  numberIn(
    table: GroupTable,
    columns: ScannedRecords,
    { record, column }: { readonly record: number; readonly column: number },
  ): number | undefined {
    const hash = columns.hash(record, column);
    const recent = table.recent.get(hash);
    const key = this.#tableOf[recent] === table ? this.#groups[recent]?.key : undefined;
    if (typeof key === "string" && columns.holds(record, column, key)) return recent;
    const number = table.numbers.get(columns.ownText(record, column));
    if (number !== undefined) table.recent.set(hash, number);
    return number;
  }

  group(number: number): Group {
    const group = this.#groups[number];
    assert(group !== undefined, "a counter's group has a number");
    return group;
  }

  tableOf(number: number): GroupTable {
    const table = this.#tableOf[number];
    assert(table !== undefined, "a counter's group has a table");
    return table;
  }

  /** The number of a group for one more counter. */
  use(table: GroupTable, key: string | null): number {
    let number = table.numbers.get(key);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#groups.length;
      this.#put(number, table, key);
    }
    this.retain(number);
    return number;
  }

  /** One more counter has the group. */
  retain(number: number): void {
    this.#uses[number] = (this.#uses[number] ?? 0) + 1;
  }

  /** A counter that had the group is gone. */
  release(number: number): void {
    const uses = (this.#uses[number] ?? 0) - 1;
    assert(uses >= 0, "a group is released as often as it was used");
    this.#uses[number] = uses;
    if (uses > 0) return;
    const table = this.tableOf(number);
    table.numbers.delete(this.group(number).key);
    // An entry that no rule has any more leaves nothing behind.
    if (table.numbers.size === 0) this.#tables.delete(table.identity);
    this.#groups[number] = undefined;
    this.#tableOf[number] = undefined;
    this.#free.push(number);
  }

  #put(number: number, table: GroupTable, key: string | null): void {
    this.#groups[number] = { fields: table.fields, key };
    this.#tableOf[number] = table;
    this.#uses[number] = 0;
    table.numbers.set(key, number);
  }
}

/** Tells group-by entries with equal fields from others. */
export function groupByIdentity(fields: readonly string[]): string {
  return fields.length === 1 ? `1${fields[0]}` : JSON.stringify(fields);
}
