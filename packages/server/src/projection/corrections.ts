// Data correction as listed: items by position with the original bytes as text, and errors by how many
// records wait with them. Reads only.
import { pageItemsMax } from "../core/limits.ts";
import { positionText } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { assert } from "../core/problem.ts";
import type { CorrectionFilter, CorrectionQuery, CorrectionState } from "./correction-query.ts";
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

/** What waits with one reason and detail at one meter key. */
export interface CorrectionSummary {
  readonly meterKey: string;
  readonly reason: string;
  readonly detail: string;
  readonly count: number;
  /** When items came into the group, since nothing of it waited. */
  readonly firstSeenAt: EpochMs;
  readonly lastSeenAt: EpochMs;
}

export interface CorrectionSummaryPage {
  readonly groups: readonly CorrectionSummary[];
  readonly total: number;
}

const groupsSql = "FROM correction_groups g INDEXED BY correction_groups_size";
const groupSql = `SELECT k.name, r.name, detail, n, first_at, last_at ${groupsSql}
  JOIN names k ON k.no = g.key JOIN names r ON r.no = g.reason`;

export class CorrectionList {
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #query: CorrectionQuery;

  constructor(statements: Statements, names: Names, query: CorrectionQuery) {
    this.#statements = statements;
    this.#names = names;
    this.#query = query;
  }

  list(filter: CorrectionFilter, page: CorrectionPageQuery): CorrectionPage {
    assertPage(page.limit, page.skip, pageItemsMax);
    const matching = this.#query.matching(filter);
    const total = matching?.total() ?? 0;
    if (matching === null || page.skip >= total) return { items: [], total };
    const order = page.sortOrder === "DESC" ? "DESC" : "ASC";
    const sql = `SELECT no ${matching.sql} ORDER BY no ${order} LIMIT ? OFFSET ?`;
    const rows = this.#statements.rows(sql, [...matching.values, page.limit, page.skip]);
    return { items: rows.map((row) => this.#item(integerOf(row[0]))), total };
  }

  /** The most frequent first. */
  summarize(
    filter: Pick<CorrectionFilter, "accountId" | "meterKey" | "reason">,
    page: { readonly limit: number; readonly skip: number },
  ): CorrectionSummaryPage {
    assertPage(page.limit, page.skip, pageItemsMax);
    const conditions: Condition[] = [];
    const { accountId: account, meterKey: key, reason } = filter;
    for (const [column, name] of Object.entries({ account, key, reason })) {
      if (name === undefined) continue;
      const no = this.#names.find(name);
      if (no === undefined) return { groups: [], total: 0 };
      conditions.push([`${column} = ?`, no]);
    }
    const { sql, values } = whereOf(conditions);
    const where = `WHERE n > 0 AND ${sql}`;
    const total = this.#statements.integer(`SELECT count(*) ${groupsSql} ${where}`, values);
    const paged = `${groupSql} ${where} ORDER BY n DESC, g.no LIMIT ? OFFSET ?`;
    const rows = this.#statements.rows(paged, [...values, page.limit, page.skip]);
    return { groups: rows.map(fromRowGroup), total };
  }

  #item(no: number): CorrectionItem {
    const row = this.#statements.row(itemSql, [no]);
    assert(row !== undefined, "each item has a body");
    return fromRowCorrection(row);
  }
}

function fromRowGroup(row: Row): CorrectionSummary {
  return {
    meterKey: textOf(row[0]),
    reason: textOf(row[1]),
    detail: textOf(row[2]),
    count: integerOf(row[3]),
    firstSeenAt: integerOf(row[4]),
    lastSeenAt: integerOf(row[5]),
  };
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
