// Data-correction items for whoever works on them: which ones a filter means, what is needed of those
// that wait, which have not been touched for long; and the actions, as they go out. What is read here
// goes into the journal, so it is exactly what was stored.
import type { ExpireCorrections, WaitingItem } from "../core/entry.ts";
import { pageItemsMax } from "../core/limits.ts";
import type { RejectionReason } from "../core/outcome.ts";
import type { CorrectionActionOutput, Position } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Place } from "../core/position-list.ts";
import type { CorrectionFilter, CorrectionQuery } from "./correction-query.ts";
import type { Names } from "./names.ts";
import {
  assertPage,
  integerOf,
  type Row,
  type Statements,
  textOf,
  textOrNullOf,
} from "./statements.ts";

const waitingSql = `SELECT k.name, user_id, record_id, r.name, detail, record, event, refused_id,
    rekeyed
  FROM corrections c JOIN correction_bodies b ON b.no = c.no
    JOIN names k ON k.no = c.key JOIN names r ON r.no = c.reason
  WHERE partition = ? AND seq = ? AND idx = ? AND account = ? AND state = 'waiting'`;
const staleSql = `SELECT a.name, k.name, user_id, record_id, partition, seq, idx
  FROM corrections c INDEXED BY corrections_updated
    JOIN names a ON a.no = c.account JOIN names k ON k.no = c.key
  WHERE updated_at < ? ORDER BY updated_at LIMIT ?`;
const putActionSql = `INSERT INTO correction_actions (id, account, json, finished_at)
  VALUES (?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET json = excluded.json, finished_at = excluded.finished_at`;

/** Positions of items that match, in order, after the row `afterNo`. */
export interface ChosenItems {
  readonly places: readonly Place[];
  /** The last row; ask again after it for more. */
  readonly lastNo: number;
}

export class WorkedCorrections {
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #query: CorrectionQuery;

  constructor(statements: Statements, names: Names, query: CorrectionQuery) {
    this.#statements = statements;
    this.#names = names;
    this.#query = query;
  }

  count(filter: CorrectionFilter): number {
    return this.#query.matching(filter)?.total() ?? 0;
  }

  choose(
    filter: CorrectionFilter,
    { afterNo, limit }: { readonly afterNo: number; readonly limit: number },
  ): ChosenItems {
    const matching = this.#query.matching(filter);
    if (matching === null) return { places: [], lastNo: afterNo };
    const sql = `SELECT seq, idx, no ${matching.sql} AND no > ? ORDER BY no LIMIT ?`;
    const rows = this.#statements.rows(sql, [...matching.values, afterNo, limit]);
    const places = rows.map(([seq, index]) => ({ seq: integerOf(seq), index: integerOf(index) }));
    return { places, lastNo: integerOf(rows.at(-1)?.[2] ?? afterNo) };
  }

  /**
   * The account's items at these positions, in the same order; null for one that does not wait. Ends
   * before the first that would take more than `unitsMax` UTF-16 units, but has one at least.
   */
  waiting(
    accountId: string,
    positions: readonly Position[],
    unitsMax: number,
  ): readonly (WaitingItem | null)[] {
    const account = this.#names.find(accountId) ?? 0;
    const items: (WaitingItem | null)[] = [];
    let units = 0;
    for (const { partition, seq, index } of positions) {
      const row = this.#statements.row(waitingSql, [partition, seq, index, account]);
      const item = row === undefined ? null : fromRowWaiting(row);
      units += item === null ? 0 : unitsOf(item);
      if (items.length > 0 && units > unitsMax) break;
      items.push(item);
    }
    return items;
  }

  /** Items that were not changed since `before`, the oldest first. */
  stale(before: EpochMs, limit: number): ExpireCorrections["items"] {
    return this.#statements.rows(staleSql, [before, limit]).map((row) => {
      const [partition = 0, seq = 0, index = 0] = row.slice(4, 7).map(integerOf);
      return {
        accountId: textOf(row[0]),
        meterKey: textOf(row[1]),
        userId: textOrNullOf(row[2]),
        recordId: textOrNullOf(row[3]),
        position: { partition, seq, index },
      };
    });
  }

  putAction({ accountId, id, json, finishedAt }: CorrectionActionOutput): void {
    const account = this.#names.findOrAdd(accountId);
    this.#statements.prepare(putActionSql).run(id, account, json, finishedAt);
  }

  /** JSON text of an action of this account. */
  action(accountId: string, id: string): string | undefined {
    const account = this.#names.find(accountId);
    if (account === undefined) return undefined;
    const sql = "SELECT json FROM correction_actions WHERE id = ? AND account = ?";
    const row = this.#statements.row(sql, [id, account]);
    return row === undefined ? undefined : textOf(row[0]);
  }

  /** JSON texts of the account's actions, the newest first. */
  actions(
    accountId: string,
    page: { readonly limit: number; readonly skip: number },
  ): { readonly texts: readonly string[]; readonly total: number } {
    assertPage(page.limit, page.skip, pageItemsMax);
    const account = this.#names.find(accountId) ?? 0;
    const from = "FROM correction_actions INDEXED BY correction_actions_account WHERE account = ?";
    const total = this.#statements.integer(`SELECT count(*) ${from}`, [account]);
    const sql = `SELECT json ${from} ORDER BY no DESC LIMIT ? OFFSET ?`;
    const rows = this.#statements.rows(sql, [account, page.limit, page.skip]);
    return { texts: rows.map(([json]) => textOf(json)), total };
  }
}

function fromRowWaiting(row: Row): WaitingItem {
  return {
    meterKey: textOf(row[0]),
    userId: textOrNullOf(row[1]),
    recordId: textOrNullOf(row[2]),
    reason: textOf(row[3]) as RejectionReason,
    detail: textOf(row[4]),
    record: textOrNullOf(row[5]),
    event: textOrNullOf(row[6]),
    refusedId: textOrNullOf(row[7]),
    isRekeyed: integerOf(row[8]) === 1,
  };
}

function unitsOf({ detail, record, event }: WaitingItem): number {
  return detail.length + (record?.length ?? 0) + (event?.length ?? 0);
}
