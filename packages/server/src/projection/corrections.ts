// Data correction as listed: items by position with the original bytes as text. Totals come from
// counts kept beside the rows where key, reason and state decide alone; else the rows are counted
// through the narrowest index.
import { pageItemsMax } from "../core/limits.ts";
import { positionText } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { assert } from "../core/problem.ts";
import type { SortOrder } from "./cursor.ts";
import type { Names } from "./names.ts";
import {
  assertPage,
  type Condition,
  integerOf,
  type Row,
  type Statements,
  textOf,
  textOrNullOf,
  whereOf,
} from "./statements.ts";

export const correctionStates = ["waiting", "reprocessed", "superseded", "deleted"] as const;
export type CorrectionState = (typeof correctionStates)[number];

/** One data-correction item. */
export interface CorrectionItem {
  /** Its position as text. */
  readonly id: string;
  readonly meterKey: string;
  readonly userId: string | null;
  readonly recordId: string | null;
  readonly reason: string;
  readonly detail: string;
  /** The element as sent; bytes that are not UTF-8 show as U+FFFD. */
  readonly original: string;
  /** The exact bytes, only where `original` cannot show them. */
  readonly originalBase64?: string;
  /** JSON text of the record; null when the element is no JSON object. */
  readonly record: string | null;
  readonly state: CorrectionState;
  /** How often it was judged: 1 at first. */
  readonly attempts: number;
  readonly receivedAt: EpochMs;
  readonly updatedAt: EpochMs;
}

/** Filters are exact and joined by AND; `from` and `to` are half-open on `receivedAt`. */
export interface CorrectionFilter {
  readonly accountId: string;
  readonly state?: CorrectionState | undefined;
  readonly meterKey?: string | undefined;
  readonly reason?: string | undefined;
  readonly userId?: string | undefined;
  readonly recordId?: string | undefined;
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
}

export interface CorrectionPageQuery {
  /** 1 to `pageItemsMax`. */
  readonly limit: number;
  readonly skip: number;
  /** ASC, the default, puts the newest position last. */
  readonly sortOrder?: SortOrder | undefined;
}

export interface CorrectionPage {
  readonly items: readonly CorrectionItem[];
  readonly total: number;
}

const itemSql = `SELECT partition, seq, idx, k.name, user_id, record_id, r.name, detail, original,
    record, state, attempts, received_at, updated_at
  FROM corrections c JOIN correction_bodies b ON b.no = c.no
    JOIN names k ON k.no = c.key JOIN names r ON r.no = c.reason
  WHERE c.no = ?`;

interface Numbers {
  readonly account: number;
  readonly key: number | undefined;
  readonly reason: number | undefined;
}

export class CorrectionList {
  readonly #statements: Statements;
  readonly #names: Names;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
  }

  list(filter: CorrectionFilter, page: CorrectionPageQuery): CorrectionPage {
    assertPage(page.limit, page.skip, pageItemsMax);
    const account = this.#names.find(filter.accountId);
    const key = this.#number(filter.meterKey);
    const reason = this.#number(filter.reason);
    const nothing: CorrectionPage = { items: [], total: 0 };
    if (account === undefined || key === null || reason === null) return nothing;
    const numbers: Numbers = { account, key, reason };
    const span = this.#span(account, filter);
    const conditions: Condition[] = [
      ...conditionsOf(numbers, filter),
      ["received_at >= ?", filter.from],
      ["received_at < ?", filter.to],
      ["no >= ?", span?.firstNo],
      ["no <= ?", span?.lastNo],
    ];
    const where = whereOf(conditions);
    const from = `FROM corrections INDEXED BY ${this.#index(numbers, filter)} WHERE ${where.sql}`;
    const counted = span === null && filter.userId === undefined && filter.recordId === undefined;
    const total = counted
      ? this.#total(conditionsOf(numbers, filter))
      : this.#statements.integer(`SELECT count(*) ${from}`, where.values);
    if (page.skip >= total) return { ...nothing, total };
    const order = page.sortOrder === "DESC" ? "DESC" : "ASC";
    const sql = `SELECT no ${from} ORDER BY no ${order} LIMIT ? OFFSET ?`;
    const rows = this.#statements.rows(sql, [...where.values, page.limit, page.skip]);
    return { items: rows.map((row) => this.#item(integerOf(row[0]))), total };
  }

  /** Null: the filter names what no item has. */
  #number(name: string | undefined): number | undefined | null {
    return name === undefined ? undefined : (this.#names.find(name) ?? null);
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

  #item(no: number): CorrectionItem {
    const row = this.#statements.row(itemSql, [no]);
    assert(row !== undefined, "each item has a body");
    return fromRowCorrection(row);
  }
}

function conditionsOf(numbers: Numbers, filter: CorrectionFilter): readonly Condition[] {
  return [
    ["account = ?", numbers.account],
    ["record_id = ?", filter.recordId],
    ["user_id = ?", filter.userId],
    ["key = ?", numbers.key],
    ["reason = ?", numbers.reason],
    ["state = ?", filter.state],
  ];
}

function fromRowCorrection(row: Row): CorrectionItem {
  const [partition, seq, index] = row.slice(0, 3).map(integerOf);
  assert(partition !== undefined && seq !== undefined && index !== undefined, "a position");
  const bytes = row[8];
  assert(bytes instanceof Uint8Array, "original is a blob");
  const { text, exact } = decodeUtf8(bytes);
  return {
    id: positionText({ partition, seq, index }),
    meterKey: textOf(row[3]),
    userId: textOrNullOf(row[4]),
    recordId: textOrNullOf(row[5]),
    reason: textOf(row[6]),
    detail: textOf(row[7]),
    original: text,
    ...(exact ? {} : { originalBase64: Buffer.from(bytes).toString("base64") }),
    record: textOrNullOf(row[9]),
    state: textOf(row[10]) as CorrectionState,
    attempts: integerOf(row[11]),
    receivedAt: integerOf(row[12]),
    updatedAt: integerOf(row[13]),
  };
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** `exact` is false when the text holds replacement characters for bytes that are not UTF-8. */
function decodeUtf8(bytes: Uint8Array): { readonly text: string; readonly exact: boolean } {
  try {
    return { text: strict.decode(bytes), exact: true };
  } catch {
    return { text: lenient.decode(bytes), exact: false };
  }
}
