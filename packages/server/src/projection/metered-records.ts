// Metered records as listed: rows in order of position, their JSON exactly as it goes out. Totals come
// from counts kept beside the rows, but for a user's or a meter's, which are counted through the
// index; of a range of time the same counts tell between which rows it stands.
import { type Fault, ok, type Result } from "../core/problem.ts";
import type { CursorPage, ListedRows, Matching } from "./cursor-list.ts";
import {
  type FilterNumbers,
  type FoundFilter,
  findFilter,
  type MeterFilter,
} from "./meter-filter.ts";
import type { Names } from "./names.ts";
import { jsonRows, type NumberedRows } from "./numbered-rows.ts";
import { integerOf, type Statements, whereOf } from "./statements.ts";

/** Here `from` and `to` are half-open on the period's end. */
export type MeteredRecordFilter = MeterFilter;

export interface MeteredRecordPage extends Omit<CursorPage<string>, "rows"> {
  /** JSON texts, by position. */
  readonly records: readonly string[];
}

export function meteredRecordPage(
  listed: Result<CursorPage<string>, Fault>,
): Result<MeteredRecordPage, Fault> {
  if (!listed.ok) return listed;
  const { rows: records, ...rest } = listed.value;
  return ok({ records, ...rest });
}

export class MeteredRecordRows implements ListedRows<MeteredRecordFilter, string> {
  readonly list = "metered-records";
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #numbered: NumberedRows<string>;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
    this.#numbered = jsonRows(statements, "metered");
  }

  unitsOf(json: string): number {
    return json.length;
  }

  match(filter: MeteredRecordFilter): Matching<string> | null {
    const found = findFilter(this.#names, filter);
    if (found === null) return null;
    const { total, ...span } = this.#span(found, filter);
    if (total === 0) return null;
    const where = whereOf([
      ...found.conditions,
      ["period_end >= ?", filter.from],
      ["period_end < ?", filter.to],
    ]);
    const range = { ...span, where, index: `metered_${this.#narrowest(found)}` };
    const isKept = filter.meterId === undefined && filter.userId === undefined;
    return this.#numbered.matching(range, isKept ? () => total : undefined);
  }

  /** Of a key and a type the one with fewer records. */
  #narrowest({ account, key, type, narrowest }: FoundFilter): FoundFilter["narrowest"] {
    if (narrowest !== "key" || type === undefined) return narrowest;
    const ofKey = this.#total({ account, key, type: undefined });
    return ofKey <= this.#total({ account, key: undefined, type }) ? "key" : "type";
  }

  #total({ account, key, type }: FilterNumbers): number {
    const where = whereOf([
      ["account = ?", account],
      ["key = ?", key],
      ["type = ?", type],
    ]);
    const sql = `SELECT sum(n) FROM metered_counts WHERE ${where.sql}`;
    return this.#statements.integer(sql, where.values);
  }

  /** Records of the account, key, type and time range, and between which rows they stand. */
  #span(
    { account, key, type }: FilterNumbers,
    { from, to }: MeteredRecordFilter,
  ): { readonly total: number; readonly firstNo: number; readonly lastNo: number } {
    if (from === undefined && to === undefined) {
      const total = this.#total({ account, key, type });
      return { total, firstNo: 1, lastNo: this.#numbered.newest() };
    }
    const where = whereOf([
      ["account = ?", account],
      ["period_end >= ?", from],
      ["period_end < ?", to],
      ["key = ?", key],
      ["type = ?", type],
    ]);
    const sql = `SELECT sum(n), min(first_no), max(last_no) FROM metered_ends WHERE ${where.sql}`;
    const row = this.#statements.row(sql, where.values) ?? [];
    return { total: integerOf(row[0]), firstNo: integerOf(row[1]), lastNo: integerOf(row[2]) };
  }
}
