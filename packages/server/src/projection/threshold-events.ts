// Threshold events as listed: rows in order of position, their JSON exactly as it goes out. Times
// ascend with positions, so a range of time is looked up once and then is a range of row numbers.
import type { EpochMs } from "../core/ports.ts";
import type { CursorPage, ListedRows, Matching } from "./cursor-list.ts";
import { findFilter, type MeterFilter } from "./meter-filter.ts";
import type { Names } from "./names.ts";
import { jsonRows, type NumberedRows } from "./numbered-rows.ts";
import { type Statements, whereOf } from "./statements.ts";

/** Here `from` and `to` are half-open on the time of the event. */
export type ThresholdEventFilter = MeterFilter;

export interface ThresholdEventPage extends Omit<CursorPage<string>, "rows"> {
  /** JSON texts, by position. */
  readonly events: readonly string[];
}

export class ThresholdEventRows implements ListedRows<ThresholdEventFilter, string> {
  readonly list = "threshold-events";
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #numbered: NumberedRows<string>;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
    this.#numbered = jsonRows(statements, "threshold_events");
  }

  unitsOf(json: string): number {
    return json.length;
  }

  match(filter: ThresholdEventFilter): Matching<string> | null {
    const found = findFilter(this.#names, filter);
    if (found === null) return null;
    const { from, to, meterId, userId } = filter;
    const where = whereOf(found.conditions);
    const range = {
      index: `threshold_events_${found.narrowest}`,
      where,
      firstNo: from === undefined ? 1 : this.#lastBefore(from) + 1,
      lastNo: to === undefined ? this.#numbered.newest() : this.#lastBefore(to),
    };
    const isKept = (from ?? to ?? meterId ?? userId) === undefined;
    const sql = `SELECT sum(n) FROM threshold_counts WHERE ${where.sql}`;
    const total = (): number => this.#statements.integer(sql, where.values);
    return this.#numbered.matching(range, isKept ? total : undefined);
  }

  #lastBefore(instant: EpochMs): number {
    const sql = `SELECT no FROM threshold_events WHERE emitted_at < ?
      ORDER BY emitted_at DESC, no DESC LIMIT 1`;
    return this.#statements.integer(sql, [instant]);
  }
}
