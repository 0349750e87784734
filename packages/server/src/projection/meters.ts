// The list of meters: which ids, in which order. What a meter says of itself is read from memory
// by the caller; here stand only the columns that filters and order need. Totals come from counts
// kept beside the rows, but for a user's, which are counted through the index.
import { pageItemsMax } from "../core/limits.ts";
import type { MeterListedOutput } from "../core/output.ts";
import type { Names } from "./names.ts";
import { assertPage, integerOf, type Statements, textOf, whereOf } from "./statements.ts";
import { Tally } from "./tally.ts";

/** Filters are exact and joined by AND. */
export interface MeterListQuery {
  readonly accountId: string;
  readonly meterKey?: string | undefined;
  readonly meterTypeId?: string | undefined;
  readonly userId?: string | undefined;
  /** 1 to `pageItemsMax`. */
  readonly limit: number;
  readonly skip: number;
}

export interface MeterPage {
  /** In order of createdAt, then id (D-33). */
  readonly ids: readonly string[];
  /** Meters that match, on whatever page. */
  readonly total: number;
}

const insertSql = `INSERT INTO meters (id, account, key, type, created_at, user_id)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`;
const deleteSql = "DELETE FROM meters WHERE id = ? RETURNING account, key, type";
const totalSql = "SELECT sum(n) FROM meter_counts WHERE ";

export class MeterList {
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #counts: Tally;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
    this.#counts = new Tally(statements, {
      table: "meter_counts",
      columns: ["account", "key", "type"],
    });
  }

  /** A meter that is listed already stays as it is. */
  add({ meter }: MeterListedOutput): void {
    const account = this.#names.findOrAdd(meter.accountId);
    const key = this.#names.findOrAdd(meter.meterKey);
    const type = this.#names.findOrAdd(meter.type.id);
    const { changes } = this.#statements
      .prepare(insertSql)
      .run(meter.id, account, key, type, meter.createdAt, meter.userId);
    if (changes === 1) this.#counts.add(1, [account, key, type]);
  }

  remove(meterId: string): void {
    const row = this.#statements.row(deleteSql, [meterId]);
    if (row === undefined) return;
    this.#counts.add(-1, [integerOf(row[0]), integerOf(row[1]), integerOf(row[2])]);
  }

  finishGroup(): void {
    this.#counts.write();
  }

  forget(): void {
    this.#counts.forget();
  }

  list(query: MeterListQuery): MeterPage {
    assertPage(query.limit, query.skip, pageItemsMax);
    const account = this.#names.find(query.accountId);
    const key = this.#names.findGiven(query.meterKey);
    const type = this.#names.findGiven(query.meterTypeId);
    if (account === undefined || key === null || type === null) return { ids: [], total: 0 };
    const where = whereOf([
      ["account = ?", account],
      ["user_id = ?", query.userId],
      ["key = ?", key],
      ["type = ?", type],
    ]);
    const byUser = query.userId !== undefined;
    const index = byUser ? "meters_user" : this.#index(account, key, type);
    const from = `FROM meters INDEXED BY ${index} WHERE ${where.sql}`;
    const total = byUser
      ? this.#statements.integer(`SELECT count(*) ${from}`, where.values)
      : this.#total(account, key, type);
    if (query.skip >= total) return { ids: [], total };
    const sql = `SELECT id ${from} ORDER BY created_at, id LIMIT ? OFFSET ?`;
    const rows = this.#statements.rows(sql, [...where.values, query.limit, query.skip]);
    return { ids: rows.map((row) => textOf(row[0])), total };
  }

  #index(account: number, key: number | undefined, type: number | undefined): string {
    if (key === undefined) return type === undefined ? "meters_account" : "meters_type";
    if (type === undefined) return "meters_key";
    const ofKey = this.#total(account, key, undefined);
    return ofKey <= this.#total(account, undefined, type) ? "meters_key" : "meters_type";
  }

  #total(account: number, key: number | undefined, type: number | undefined): number {
    const where = whereOf([
      ["account = ?", account],
      ["key = ?", key],
      ["type = ?", type],
    ]);
    return this.#statements.integer(totalSql + where.sql, where.values);
  }
}
