// Which data-correction items a filter means: conditions, the index that leaves the fewest rows to
// look at, and the total. Totals come from counts kept beside the rows where key, reason and state
// decide alone; else the rows are counted through that index.
import type { EpochMs } from "../core/ports.ts";
import type { Names } from "./names.ts";
import { type Condition, integerOf, type Statements, whereOf } from "./statements.ts";

export const correctionStates = ["waiting", "reprocessed", "superseded", "deleted"] as const;
export type CorrectionState = (typeof correctionStates)[number];

/** Filters are exact and joined by AND; `from` and `to` are half-open on `receivedAt`. */
export interface CorrectionFilter {
  readonly accountId: string;
  readonly state?: CorrectionState | undefined;
  readonly meterKey?: string | undefined;
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
  readonly userId?: string | undefined;
  readonly recordId?: string | undefined;
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
}

/** The rows that match, for statements over `corrections`. */
export interface MatchingRows {
  /** May have to count every row that matches. */
  total(): number;
  /** `FROM corrections … WHERE …`: constant text with the values' marks. */
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

interface Numbers {
  readonly account: number;
  readonly key: number | undefined;
  readonly reason: number | undefined;
  /** A JSON array of the groups with the filter's detail. */
  readonly groups: string | undefined;
}

export class CorrectionQuery {
  readonly #statements: Statements;
  readonly #names: Names;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
  }

  /** Null where the filter names what no item has. */
  matching(filter: CorrectionFilter): MatchingRows | null {
    const account = this.#names.find(filter.accountId);
    const key = this.#names.findGiven(filter.meterKey);
    const reason = this.#names.findGiven(filter.reason);
    if (account === undefined || key === null || reason === null) return null;
    const numbers = { account, key, reason, groups: this.#groups(account, filter.detail) };
    const span = this.#span(account, filter);
    const conditions: Condition[] = [
      ...conditionsOf(numbers, filter),
      ["received_at >= ?", filter.from],
      ["received_at < ?", filter.to],
      ["no >= ?", span?.firstNo],
      ["no <= ?", span?.lastNo],
    ];
    const { sql: where, values } = whereOf(conditions);
    const sql = `FROM corrections INDEXED BY ${this.#index(numbers, filter)} WHERE ${where}`;
    const { userId, recordId, detail } = filter;
    const isCounted = span === null && (userId ?? recordId ?? detail) === undefined;
    const total = (): number =>
      isCounted
        ? this.#total(conditionsOf(numbers, filter))
        : this.#statements.integer(`SELECT count(*) ${sql}`, values);
    return { total, sql, values };
  }

  #groups(account: number, detail: string | undefined): string | undefined {
    if (detail === undefined) return undefined;
    const sql = "SELECT no FROM correction_groups WHERE account = ? AND detail = ?";
    return JSON.stringify(this.#statements.rows(sql, [account, detail]).map(([no]) => no));
  }

  /** Between which rows the items of a time range stand; null without a range. */
  #span(
    account: number,
    { from, to }: CorrectionFilter,
  ): { readonly firstNo: number; readonly lastNo: number } | null {
    if (from === undefined && to === undefined) return null;
    const where = whereOf([
      ["account = ?", account],
      ["received_at >= ?", from],
      ["received_at < ?", to],
    ]);
    const sql = `SELECT min(no), max(no) FROM corrections INDEXED BY corrections_received
      WHERE ${where.sql}`;
    const row = this.#statements.row(sql, where.values) ?? [];
    return { firstNo: integerOf(row[0]), lastNo: integerOf(row[1]) };
  }

  /** The index that leaves the fewest rows to look at. */
  #index(numbers: Numbers, filter: CorrectionFilter): string {
    if (filter.recordId !== undefined) return "corrections_record";
    if (filter.userId !== undefined) return "corrections_user";
    if (filter.detail !== undefined) return "corrections_group";
    const { account } = numbers;
    const candidates: readonly (readonly [index: string, condition: Condition])[] = [
      ["corrections_key", ["key = ?", numbers.key]],
      ["corrections_reason", ["reason = ?", numbers.reason]],
      ["corrections_state", ["state = ?", filter.state]],
    ];
    let best = { index: "corrections_account", rows: Number.POSITIVE_INFINITY };
    for (const [index, condition] of candidates) {
      if (condition[1] === undefined) continue;
      const rows = this.#total([["account = ?", account], condition]);
      if (rows < best.rows) best = { index, rows };
    }
    return best.index;
  }

  #total(conditions: readonly Condition[]): number {
    const where = whereOf(conditions);
    const sql = `SELECT sum(n) FROM correction_counts WHERE ${where.sql}`;
    return this.#statements.integer(sql, where.values);
  }
}

function conditionsOf(numbers: Numbers, filter: CorrectionFilter): readonly Condition[] {
  return [
    ["account = ?", numbers.account],
    ["record_id = ?", filter.recordId],
    ["user_id = ?", filter.userId],
    ["grp IN (SELECT value FROM json_each(?))", numbers.groups],
    ["key = ?", numbers.key],
    ["reason = ?", numbers.reason],
    ["state = ?", filter.state],
  ];
}
