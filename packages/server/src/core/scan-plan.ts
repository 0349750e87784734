// What of a usage record a processor looks at: its own members, and the fields that its rules name.
// Each has a column, so that reading a body can put down where they stand without an object for the
// record (usage-scan.ts). A plan never changes; a changed processor has a new one.
import type { FingerprintKey } from "./fingerprint.ts";
import type { NameHash } from "./member-hash.ts";

/** Columns that every plan has. */
export const userIdColumn = 0;
export const valueColumn = 1;
export const timestampColumn = 2;
const ownNames: readonly string[] = ["userId", "value", "timestamp"];

/** A member's name as it stands in a body: ASCII without escapes. */
export interface ScannedName {
  readonly bytes: Uint8Array;
  readonly hash: NameHash;
  /** -1: no column. */
  readonly column: number;
}

export class ScanPlan {
  /** By name; ascending from 0 without gaps. */
  readonly columns: ReadonlyMap<string, number>;
  /** Column of the record id. */
  readonly idColumn: number;
  /** Names that bodies had lately. They are found again, nothing else depends on them. */
  readonly names: ScannedName[] = [];

  constructor(columns: ReadonlyMap<string, number>, idField: string) {
    this.columns = columns;
    this.idColumn = columns.get(idField) ?? -1;
  }
}

/** Gives out columns while rules are prepared. */
export class ScanColumns {
  readonly #columns = new Map(ownNames.map((name, column) => [name, column]));

  /** The column of a name, made where it has none. */
  of(name: string): number {
    const known = this.#columns.get(name);
    if (known !== undefined) return known;
    const column = this.#columns.size;
    this.#columns.set(name, column);
    return column;
  }

  plan(idField: string): ScanPlan {
    this.of(idField);
    return new ScanPlan(new Map(this.#columns), idField);
  }
}

/** What reading a body into columns needs to know. */
export interface ScanContext {
  readonly plan: ScanPlan;
  readonly key: FingerprintKey;
}
