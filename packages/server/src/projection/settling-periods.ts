// Ended periods that wait for late usage: which they are, by the end of the period and the meter. What
// they have counted changes still and is read from memory by whoever lists them.
import { pageItemsMax } from "../core/limits.ts";
import type { PeriodSettledOutput, PeriodWaitingOutput } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import type { SortOrder } from "./cursor.ts";
import { findFilter, type MeterFilter } from "./meter-filter.ts";
import type { Names } from "./names.ts";
import {
  assertPage,
  integerOf,
  type Statements,
  textOf,
  type Where,
  whereOf,
} from "./statements.ts";

export const settlingStep: string = `
CREATE TABLE settling (
  meter_id TEXT NOT NULL, period_end INTEGER NOT NULL, account INTEGER NOT NULL,
  key INTEGER NOT NULL, type INTEGER NOT NULL, user_id TEXT NOT NULL,
  PRIMARY KEY (meter_id, period_end)
) STRICT, WITHOUT ROWID;
CREATE INDEX settling_account ON settling (account, period_end, meter_id);
CREATE INDEX settling_key ON settling (account, key, period_end, meter_id);
CREATE INDEX settling_type ON settling (account, type, period_end, meter_id);
CREATE INDEX settling_user ON settling (account, user_id, period_end, meter_id);
`;

/** Here `from` and `to` are half-open on the period's end. */
type SettlingFilter = MeterFilter;

/** Names a waiting period. */
export interface SettlingPeriod {
  readonly meterId: string;
  readonly periodEnd: EpochMs;
}

/** Periods of one chunk of a stream. */
const chunkRowsMax = 200;

const insertSql = `INSERT INTO settling (meter_id, period_end, account, key, type, user_id)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

export class SettlingPeriods {
  readonly #statements: Statements;
  readonly #names: Names;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
  }

  store(output: PeriodWaitingOutput | PeriodSettledOutput): void {
    const { meterId, periodEnd } = output;
    if (output.kind === "period-settled") {
      const sql = "DELETE FROM settling WHERE meter_id = ? AND period_end = ?";
      this.#statements.prepare(sql).run(meterId, periodEnd);
      return;
    }
    const account = this.#names.findOrAdd(output.accountId);
    const key = this.#names.findOrAdd(output.meterKey);
    const type = this.#names.findOrAdd(output.meterTypeId);
    this.#statements.prepare(insertSql).run(meterId, periodEnd, account, key, type, output.userId);
  }

  /** By the period's end, then by meter; `total` is how many match. */
  list(
    filter: SettlingFilter,
    page: { readonly limit: number; readonly skip: number; readonly sortOrder: SortOrder },
  ): { readonly periods: readonly SettlingPeriod[]; readonly total: number } {
    assertPage(page.limit, page.skip, pageItemsMax);
    const plan = this.#plan(filter);
    if (plan === null) return { periods: [], total: 0 };
    const sql = `SELECT count(*) ${source(plan)}`;
    return {
      periods: this.#walk(plan, page, null),
      total: this.#statements.integer(sql, plan.where.values),
    };
  }

  /** Everything that matches, chunk by chunk; a period that is flushed meanwhile may be left out. */
  *stream(filter: SettlingFilter, sortOrder: SortOrder): Generator<readonly SettlingPeriod[]> {
    const plan = this.#plan(filter);
    let after: SettlingPeriod | null = null;
    while (plan !== null) {
      const page = { limit: chunkRowsMax, skip: 0, sortOrder };
      const chunk = this.#walk(plan, page, after);
      const last = chunk.at(-1);
      if (last === undefined) return;
      after = last;
      yield chunk;
    }
  }

  #walk(
    plan: Plan,
    { limit, skip, sortOrder }: { limit: number; skip: number; sortOrder: SortOrder },
    after: SettlingPeriod | null,
  ): readonly SettlingPeriod[] {
    const [order, beyond] = sortOrder === "ASC" ? ["ASC", ">"] : ["DESC", "<"];
    const from = after === null ? "" : `AND (period_end, meter_id) ${beyond} (?, ?)`;
    const sql = `SELECT meter_id, period_end ${source(plan)} ${from}
      ORDER BY period_end ${order}, meter_id ${order} LIMIT ? OFFSET ?`;
    const place = after === null ? [] : [after.periodEnd, after.meterId];
    return this.#statements
      .rows(sql, [...plan.where.values, ...place, limit, skip])
      .map((row) => ({ meterId: textOf(row[0]), periodEnd: integerOf(row[1]) }));
  }

  #plan(filter: SettlingFilter): Plan | null {
    const found = findFilter(this.#names, filter);
    if (found === null) return null;
    const where = whereOf([
      ...found.conditions,
      ["period_end >= ?", filter.from],
      ["period_end < ?", filter.to],
    ]);
    // A meter's own periods are the beginning of the table's key.
    return { where, index: found.narrowest === "meter" ? null : `settling_${found.narrowest}` };
  }
}

interface Plan {
  readonly where: Where;
  /** Null: the table itself. */
  readonly index: string | null;
}

function source({ where, index }: Plan): string {
  return `FROM settling ${index === null ? "" : `INDEXED BY ${index}`} WHERE ${where.sql}`;
}
