// Retention of usage over time: minutes are cleared first, later quarter-hours become days of the
// meter's zone, and at last the days go; so do all rows of deleted meters. A bounded number of rows
// at once, from the oldest on; nothing is lost before its time, since a day takes in what it replaces.
import type { EpochMs, Zone, Zones } from "../core/ports.ts";
import { assert } from "../core/problem.ts";
import { windowStart } from "../core/usage-grid.ts";
import { integerOf, type Row, type Statements, textOf, textOrNullOf } from "./statements.ts";
import {
  aggregationOf,
  amountsOf,
  storedAmounts,
  together,
  type UsageAmounts,
} from "./usage-values.ts";

const quarterMs = 900_000;

/** Deleted meters of one step. */
const goneMetersMax = 100;
/** Looks for rows of deleted meters, most of which find none, that take as long as one row. */
const looksPerRow = 16;

/** A place in the order of quarter-hours. */
type Place = readonly [start: number, meter: number, period: number];

/** What quarter-hours add to a row of days. */
interface Gain {
  readonly row: Row;
  readonly day: EpochMs;
  amounts: UsageAmounts;
  periodEnd: EpochMs;
}

const clearedSql = "SELECT start, meter, period FROM usage_cleared";
const minutesSql = `SELECT start, meter, period FROM usage_quarters
  WHERE (start, meter, period) > (?, ?, ?) AND start < ? ORDER BY start, meter, period LIMIT ?`;
const clearSql = `UPDATE usage_quarters SET minutes = NULL
  WHERE (start, meter, period) > (?, ?, ?) AND (start, meter, period) <= (?, ?, ?)`;
const setClearedSql = `INSERT INTO usage_cleared (one, start, meter, period) VALUES (1, ?, ?, ?)
  ON CONFLICT DO UPDATE SET start = excluded.start, meter = excluded.meter, period = excluded.period`;
const quartersSql = `SELECT q.start, meter, period, period_end, places, total, groups, zone,
  aggregation, gone_from FROM usage_quarters q JOIN usage_meters m ON m.no = q.meter
  WHERE q.start < ? ORDER BY q.start, meter, period LIMIT ?`;
const dropQuartersSql = "DELETE FROM usage_quarters WHERE (start, meter, period) <= (?, ?, ?)";
const daySql = `SELECT places, total, groups, period_end FROM usage_days
  WHERE meter = ? AND start = ? AND period = ?`;
const putDaySql = `INSERT OR REPLACE INTO usage_days
  (meter, start, period, period_end, places, total, groups) VALUES (?, ?, ?, ?, ?, ?, ?)`;
const dropDaysSql = `DELETE FROM usage_days WHERE (meter, start, period) IN
  (SELECT meter, start, period FROM usage_days INDEXED BY usage_days_start WHERE start < ? LIMIT ?)`;
const goneSql = `SELECT no, max(gone_from, created_at - ${quarterMs})
  FROM usage_meters INDEXED BY usage_meters_gone WHERE gone_from IS NOT NULL ORDER BY no LIMIT ?`;
const goneQuartersSql = `WITH RECURSIVE quarters (at) AS
    (SELECT ? UNION ALL SELECT at + ${quarterMs} FROM quarters WHERE at + ${quarterMs} < ?)
  DELETE FROM usage_quarters WHERE meter = ? AND start IN (SELECT at FROM quarters)`;
const goneDaysSql = `DELETE FROM usage_days WHERE (meter, start, period) IN
  (SELECT meter, start, period FROM usage_days WHERE meter = ? LIMIT ?)`;

export class UsagePruner {
  readonly #statements: Statements;
  readonly #zones: Zones;

  constructor(statements: Statements, zones: Zones) {
    this.#statements = statements;
    this.#zones = zones;
  }

  /** Clears the minutes of quarter-hours that started before then; returns of how many. */
  minutes(before: EpochMs, rowsMax: number): number {
    const row = this.#statements.row(clearedSql, []);
    const after = row === undefined ? beforeAll : placeOf(row);
    const rows = this.#statements.rows(minutesSql, [...after, before, rowsMax]);
    const last = rows.at(-1);
    if (last === undefined) return 0;
    this.#run(clearSql, [...after, ...placeOf(last)]);
    this.#run(setClearedSql, placeOf(last));
    return rows.length;
  }

  /** Makes quarter-hours that started before then part of their days; returns how many. */
  quarters(before: EpochMs, rowsMax: number): number {
    const rows = this.#statements.rows(quartersSql, [before, rowsMax]);
    const last = rows.at(-1);
    if (last === undefined) return 0;
    for (const gain of this.#gains(rows)) this.#addToDay(gain);
    this.#run(dropQuartersSql, placeOf(last));
    return rows.length;
  }

  /** Removes days that started before then; returns how many. */
  days(before: EpochMs, rowsMax: number): number {
    return this.#run(dropDaysSql, [before, rowsMax]);
  }

  /** A step towards removing what deleted meters had; returns `rowsMax` while there is more. */
  gone(rowsMax: number): number {
    const meters = this.#statements.rows(goneSql, [goneMetersMax]);
    if (meters.length === 0) return 0;
    const bounds = this.#statements.row("SELECT min(start), max(start) FROM usage_quarters", []);
    const [first, last] = [integerOf(bounds?.[0]), integerOf(bounds?.[1])];
    let looks = rowsMax * looksPerRow;
    for (const row of meters) {
      const no = integerOf(row[0]);
      const from = Math.max(Math.floor(integerOf(row[1]) / quarterMs) * quarterMs, first);
      const to = Math.min(last + quarterMs, from + looks * quarterMs);
      if (from < to) this.#run(goneQuartersSql, [from, to, no]);
      looks -= Math.max(1, (to - from) / quarterMs);
      const isDone = to > last && this.#run(goneDaysSql, [no, rowsMax]) < rowsMax;
      if (isDone) this.#run("DELETE FROM usage_meters WHERE no = ?", [no]);
      else
        this.#run("UPDATE usage_meters SET gone_from = ? WHERE no = ?", [Math.max(to, from), no]);
      if (looks <= 0) break;
    }
    return rowsMax;
  }

  #gains(rows: readonly Row[]): Iterable<Gain> {
    const gains = new Map<string, Gain>();
    for (const row of rows) {
      // Nobody can ask for what a deleted meter had.
      if (row[9] !== null) continue;
      const [start, meter, period] = placeOf(row);
      const day = windowStart("P1D", start, this.#zoneOf(textOf(row[7])));
      const amounts = amountsOf({
        places: integerOf(row[4]),
        total: textOf(row[5]),
        minutes: null,
        groups: textOrNullOf(row[6]),
      });
      const periodEnd = integerOf(row[3]);
      const name = `${meter} ${day} ${period}`;
      const gain = gains.get(name);
      if (gain === undefined) gains.set(name, { row, day, amounts, periodEnd });
      else {
        gain.amounts = together(aggregationOf(row[8]), gain.amounts, amounts);
        gain.periodEnd = Math.min(gain.periodEnd, periodEnd);
      }
    }
    return gains.values();
  }

  #addToDay({ row, day, amounts, periodEnd }: Gain): void {
    const [, meter, period] = placeOf(row);
    const known = this.#statements.row(daySql, [meter, day, period]);
    const before =
      known === undefined
        ? null
        : amountsOf({
            places: integerOf(known[0]),
            total: textOf(known[1]),
            minutes: null,
            groups: textOrNullOf(known[2]),
          });
    const all = before === null ? amounts : together(aggregationOf(row[8]), before, amounts);
    const end = known === undefined ? periodEnd : Math.min(periodEnd, integerOf(known[3]));
    const { places, total, groups } = storedAmounts(all);
    this.#statements.prepare(putDaySql).run(meter, day, period, end, places, total, groups);
  }

  #zoneOf(name: string): Zone {
    const zone = this.#zones.get(name);
    assert(zone !== undefined, "the zone of a meter is known");
    return zone;
  }

  #run(sql: string, values: readonly number[]): number {
    return Number(this.#statements.prepare(sql).run(...values).changes);
  }
}

const beforeAll: Place = [Number.MIN_SAFE_INTEGER, 0, 0];

function placeOf(row: Row): Place {
  return [integerOf(row[0]), integerOf(row[1]), integerOf(row[2])];
}
