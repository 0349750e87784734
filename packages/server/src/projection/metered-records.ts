// Metered records as listed: rows in order of position, their JSON exactly as it goes out. A page
// walks one index between two row numbers; a stream goes on from the last row it gave, so neither
// new records nor a long export disturb each other. Totals come from counts kept beside the rows,
// but for a user's or a meter's, which are counted through the index.
import { pageItemsMax } from "../core/limits.ts";
import type { Position } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { type Fault, ok, type Result } from "../core/problem.ts";
import { readCursor, type SortOrder, writeCursor } from "./cursor.ts";
import type { Names } from "./names.ts";
import {
  assertPage,
  integerOf,
  type Statements,
  textOf,
  type Where,
  whereOf,
} from "./statements.ts";

/** Filters are exact and joined by AND; `from` and `to` are half-open on the period's end. */
export interface MeteredRecordFilter {
  readonly accountId: string;
  readonly userId?: string | undefined;
  readonly meterId?: string | undefined;
  readonly meterTypeId?: string | undefined;
  readonly meterKey?: string | undefined;
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
}

export interface MeteredRecordPageQuery {
  /** 1 to `pageItemsMax`. */
  readonly limit: number;
  readonly skip: number;
  readonly sortOrder: SortOrder;
  /** As given out with the page before; keeps a place, not the filter. */
  readonly cursor?: string | undefined;
}

export interface MeteredRecordPage {
  /** JSON texts, by position. */
  readonly records: readonly string[];
  /** Records that match the filter, wherever the cursor stands. */
  readonly total: number;
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** Records of one chunk of a stream, and UTF-16 units after which it ends early. */
const chunkRowsMax = 250;
const chunkUnitsMax = 1024 * 1024;

/** Which rows match, and how to walk to them; row numbers inclusive. */
interface Plan {
  readonly index: string;
  readonly where: Where;
  readonly firstNo: number;
  readonly lastNo: number;
  /** Null: has to be counted through the index. */
  readonly total: number | null;
}

interface Numbers {
  readonly account: number;
  readonly key: number | undefined;
  readonly type: number | undefined;
}

export class MeteredRecordList {
  readonly #statements: Statements;
  readonly #names: Names;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
  }

  list(
    filter: MeteredRecordFilter,
    page: MeteredRecordPageQuery,
  ): Result<MeteredRecordPage, Fault> {
    assertPage(page.limit, page.skip, pageItemsMax);
    const { sortOrder, limit } = page;
    const scope = { list: "metered-records", accountId: filter.accountId, sortOrder } as const;
    const place = page.cursor === undefined ? null : readCursor(scope, page.cursor);
    if (place !== null && !place.ok) return place;
    const plan = this.#plan(filter);
    if (plan === null) return ok({ records: [], total: 0, nextCursor: null });
    const total = plan.total ?? this.#count(plan);
    const rest = place === null ? plan : this.#beyond(plan, place.value, sortOrder);
    const found = this.#walk(rest, sortOrder, { limit: limit + 1, skip: page.skip });
    const shown = found.slice(0, limit);
    const last = found.length > limit ? shown.at(-1) : undefined;
    const nextCursor = last === undefined ? null : writeCursor(scope, this.#positionOf(last));
    return ok({ records: shown.map((no) => this.#jsonOf(no)), total, nextCursor });
  }

  /**
   * Everything that matches now, in chunks of at most 500 records and about 1 MiB. Records that
   * arrive while it is read are not in it. `check` runs before each chunk and may throw.
   */
  stream(
    filter: MeteredRecordFilter,
    sortOrder: SortOrder,
    check: () => void,
  ): Iterable<readonly string[]> {
    const plan = this.#plan(filter);
    return plan === null ? [] : this.#chunks(plan, sortOrder, check);
  }

  *#chunks(plan: Plan, sortOrder: SortOrder, check: () => void): Generator<readonly string[]> {
    let rest = plan;
    while (rest.firstNo <= rest.lastNo) {
      check();
      const found = this.#walk(rest, sortOrder, { limit: chunkRowsMax, skip: 0 });
      const chunk: string[] = [];
      let units = 0;
      for (const no of found) {
        if (units >= chunkUnitsMax) break;
        const json = this.#jsonOf(no);
        chunk.push(json);
        units += json.length;
      }
      const last = found[chunk.length - 1];
      if (last === undefined) return;
      rest = sortOrder === "ASC" ? { ...rest, firstNo: last + 1 } : { ...rest, lastNo: last - 1 };
      yield chunk;
    }
  }

  #plan(filter: MeteredRecordFilter): Plan | null {
    const account = this.#names.find(filter.accountId);
    const key = this.#number(filter.meterKey);
    const type = this.#number(filter.meterTypeId);
    if (account === undefined || key === null || type === null) return null;
    const numbers: Numbers = { account, key, type };
    const span = this.#span(numbers, filter);
    if (span.total === 0) return null;
    const where = whereOf([
      ["account = ?", account],
      ["meter_id = ?", filter.meterId],
      ["user_id = ?", filter.userId],
      ["key = ?", key],
      ["type = ?", type],
      ["period_end >= ?", filter.from],
      ["period_end < ?", filter.to],
    ]);
    const { meterId, userId } = filter;
    if (meterId !== undefined) return { ...span, where, index: "metered_meter", total: null };
    if (userId !== undefined) return { ...span, where, index: "metered_user", total: null };
    return { ...span, where, index: this.#index(numbers) };
  }

  /** Null: the filter names what no record has. */
  #number(name: string | undefined): number | undefined | null {
    return name === undefined ? undefined : (this.#names.find(name) ?? null);
  }

  #index({ account, key, type }: Numbers): string {
    if (key === undefined) return type === undefined ? "metered_account" : "metered_type";
    if (type === undefined) return "metered_key";
    const ofKey = this.#total({ account, key, type: undefined });
    return ofKey <= this.#total({ account, key: undefined, type }) ? "metered_key" : "metered_type";
  }

  #total({ account, key, type }: Numbers): number {
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
    numbers: Numbers,
    { from, to }: MeteredRecordFilter,
  ): { readonly total: number; readonly firstNo: number; readonly lastNo: number } {
    if (from === undefined && to === undefined) {
      const lastNo = this.#statements.integer("SELECT max(no) FROM metered", []);
      return { total: this.#total(numbers), firstNo: 1, lastNo };
    }
    const where = whereOf([
      ["account = ?", numbers.account],
      ["period_end >= ?", from],
      ["period_end < ?", to],
      ["key = ?", numbers.key],
      ["type = ?", numbers.type],
    ]);
    const sql = `SELECT sum(n), min(first_no), max(last_no) FROM metered_ends WHERE ${where.sql}`;
    const row = this.#statements.row(sql, where.values) ?? [];
    return { total: integerOf(row[0]), firstNo: integerOf(row[1]), lastNo: integerOf(row[2]) };
  }

  #count(plan: Plan): number {
    const sql = `SELECT count(*) ${source(plan)}`;
    return this.#statements.integer(sql, [...plan.where.values, plan.firstNo, plan.lastNo]);
  }

  #walk(
    plan: Plan,
    sortOrder: SortOrder,
    { limit, skip }: { readonly limit: number; readonly skip: number },
  ): readonly number[] {
    const sql = `SELECT no ${source(plan)} ORDER BY no ${sortOrder === "ASC" ? "ASC" : "DESC"}
      LIMIT ? OFFSET ?`;
    const values = [...plan.where.values, plan.firstNo, plan.lastNo, limit, skip];
    return this.#statements.rows(sql, values).map((row) => integerOf(row[0]));
  }

  /** The rows after a position in this direction; the record at it need not exist any more. */
  #beyond(plan: Plan, { partition, seq, index }: Position, sortOrder: SortOrder): Plan {
    const sql = `SELECT no FROM metered
      WHERE (partition, seq, idx) ${sortOrder === "ASC" ? "<=" : "<"} (?, ?, ?)
      ORDER BY partition DESC, seq DESC, idx DESC LIMIT 1`;
    const before = this.#statements.integer(sql, [partition, seq, index]);
    return sortOrder === "ASC"
      ? { ...plan, firstNo: Math.max(plan.firstNo, before + 1) }
      : { ...plan, lastNo: Math.min(plan.lastNo, before) };
  }

  #positionOf(no: number): Position {
    const sql = "SELECT partition, seq, idx FROM metered WHERE no = ?";
    const row = this.#statements.row(sql, [no]) ?? [];
    return { partition: integerOf(row[0]), seq: integerOf(row[1]), index: integerOf(row[2]) };
  }

  #jsonOf(no: number): string {
    return textOf(this.#statements.row("SELECT json FROM metered_json WHERE no = ?", [no])?.[0]);
  }
}

function source(plan: Plan): string {
  return `FROM metered INDEXED BY ${plan.index} WHERE ${plan.where.sql} AND no BETWEEN ? AND ?`;
}
