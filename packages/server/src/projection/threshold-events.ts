// Threshold events as listed: rows in order of position, their JSON exactly as it goes out. Times
// ascend with positions, so a range of time is looked up once and then is a range of row numbers; a
// stream goes on from the last row it gave and holds nothing open.
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

/** Filters are exact and joined by AND; `from` and `to` are half-open on the time of the event. */
export interface ThresholdEventFilter {
  readonly accountId: string;
  readonly userId?: string | undefined;
  readonly meterId?: string | undefined;
  readonly meterTypeId?: string | undefined;
  readonly meterKey?: string | undefined;
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
}

export interface ThresholdEventPageQuery {
  /** 1 to `pageItemsMax`. */
  readonly limit: number;
  readonly skip: number;
  readonly sortOrder: SortOrder;
  /** As given out with the page before; keeps a place, not the filter. */
  readonly cursor?: string | undefined;
}

export interface ThresholdEventPage {
  /** JSON texts, by position. */
  readonly events: readonly string[];
  /** Events that match the filter, wherever the cursor stands. */
  readonly total: number;
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** Events of one chunk of a stream: at most some MiB, as each is a meter. */
const chunkRowsMax = 200;
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

export class ThresholdEventList {
  readonly #statements: Statements;
  readonly #names: Names;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
  }

  list(
    filter: ThresholdEventFilter,
    page: ThresholdEventPageQuery,
  ): Result<ThresholdEventPage, Fault> {
    assertPage(page.limit, page.skip, pageItemsMax);
    const { sortOrder, limit } = page;
    const scope = { list: "threshold-events", accountId: filter.accountId, sortOrder } as const;
    const place = page.cursor === undefined ? null : readCursor(scope, page.cursor);
    if (place !== null && !place.ok) return place;
    const plan = this.#plan(filter);
    if (plan === null) return ok({ events: [], total: 0, nextCursor: null });
    const total = plan.total ?? this.#count(plan);
    const rest = place === null ? plan : this.#beyond(plan, place.value, sortOrder);
    const found = this.#walk(rest, sortOrder, { limit: limit + 1, skip: page.skip });
    const shown = found.slice(0, limit);
    const last = found.length > limit ? shown.at(-1) : undefined;
    const nextCursor = last === undefined ? null : writeCursor(scope, this.#positionOf(last));
    return ok({ events: shown.map((no) => this.#jsonOf(no)), total, nextCursor });
  }

  /**
   * Everything that matches now, in bounded chunks. Events that arrive while it is read are not in
   * it. `check` runs before each chunk and may throw.
   */
  stream(
    filter: ThresholdEventFilter,
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

  #plan({ accountId, meterId, userId, ...filter }: ThresholdEventFilter): Plan | null {
    const account = this.#names.find(accountId);
    const key = this.#number(filter.meterKey);
    const type = this.#number(filter.meterTypeId);
    if (account === undefined || key === null || type === null) return null;
    const where = whereOf([
      ["account = ?", account],
      ["meter_id = ?", meterId],
      ["user_id = ?", userId],
      ["key = ?", key],
      ["type = ?", type],
    ]);
    const span = this.#span(filter);
    if (meterId !== undefined) {
      return { ...span, where, index: "threshold_events_meter", total: null };
    }
    if (userId !== undefined) {
      return { ...span, where, index: "threshold_events_user", total: null };
    }
    const isWhole = filter.from === undefined && filter.to === undefined;
    const total = isWhole ? this.#total(where) : null;
    const name = key !== undefined ? "key" : type !== undefined ? "type" : "account";
    return { ...span, where, index: `threshold_events_${name}`, total };
  }

  /** Null: the filter names what no event has. */
  #number(name: string | undefined): number | undefined | null {
    return name === undefined ? undefined : (this.#names.find(name) ?? null);
  }

  /** Between which rows the events of a range of time stand. */
  #span({ from, to }: Pick<ThresholdEventFilter, "from" | "to">): {
    readonly firstNo: number;
    readonly lastNo: number;
  } {
    const newest = "SELECT max(no) FROM threshold_events";
    const before = "SELECT no FROM threshold_events WHERE emitted_at < ? ORDER BY emitted_at DESC";
    const lastBefore = (instant: EpochMs): number =>
      this.#statements.integer(`${before}, no DESC LIMIT 1`, [instant]);
    return {
      firstNo: from === undefined ? 1 : lastBefore(from) + 1,
      lastNo: to === undefined ? this.#statements.integer(newest, []) : lastBefore(to),
    };
  }

  #total(where: Where): number {
    const sql = `SELECT sum(n) FROM threshold_counts WHERE ${where.sql}`;
    return this.#statements.integer(sql, where.values);
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

  /** The rows after a position in this direction; the event at it need not exist any more. */
  #beyond(plan: Plan, { partition, seq, index }: Position, sortOrder: SortOrder): Plan {
    const sql = `SELECT no FROM threshold_events
      WHERE (partition, seq, idx) ${sortOrder === "ASC" ? "<=" : "<"} (?, ?, ?)
      ORDER BY partition DESC, seq DESC, idx DESC LIMIT 1`;
    const before = this.#statements.integer(sql, [partition, seq, index]);
    return sortOrder === "ASC"
      ? { ...plan, firstNo: Math.max(plan.firstNo, before + 1) }
      : { ...plan, lastNo: Math.min(plan.lastNo, before) };
  }

  #positionOf(no: number): Position {
    const sql = "SELECT partition, seq, idx FROM threshold_events WHERE no = ?";
    const row = this.#statements.row(sql, [no]) ?? [];
    return { partition: integerOf(row[0]), seq: integerOf(row[1]), index: integerOf(row[2]) };
  }

  #jsonOf(no: number): string {
    return textOf(
      this.#statements.row("SELECT json FROM threshold_events_json WHERE no = ?", [no])?.[0],
    );
  }
}

function source(plan: Plan): string {
  const { index, where } = plan;
  return `FROM threshold_events INDEXED BY ${index} WHERE ${where.sql} AND no BETWEEN ? AND ?`;
}
