// Reads what a meter has counted over time, as pieces for core/usage-answer.ts. A row is found by
// its time and meter, one look for each quarter-hour of the range, so the range bounds the work.
import type { EpochMs } from "../core/ports.ts";
import { piecesOfMinutes, type UsagePiece } from "../core/usage-answer.ts";
import { integerOf, type Row, type Statements, textOf, textOrNullOf } from "./statements.ts";
import { amountsOf, groupsOf } from "./usage-values.ts";

export interface UsagePieceQuery {
  readonly meterId: string;
  /** Quarter-hours and days that start in `from <= t < to`; `from` on a quarter-hour. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Days are those of the meter's own zone, of what is kept in no finer form. */
  readonly detail: "minutes" | "quarters" | "quarters-and-days";
  readonly withGroups: boolean;
}

/** Rows of one answer, and characters of their groups: what can be read without a long stop. */
const rowsMax = 20_000;
const groupCharactersMax = 8 * 1024 * 1024;

const quarterMs = 900_000;
const columns = "u.start, u.period, u.period_end, u.places, u.total";
const quartersSql = (details: string): string => `
  WITH RECURSIVE quarters (at) AS (
    SELECT max(?, ifnull((SELECT min(start) FROM usage_quarters), 0))
    UNION ALL SELECT at + ${quarterMs} FROM quarters WHERE at + ${quarterMs} < ?)
  SELECT ${columns}, ${details} FROM quarters CROSS JOIN usage_quarters u
  ON u.start = quarters.at AND u.meter = ? WHERE quarters.at < ?`;
const daysSql = (details: string): string => `SELECT ${columns}, ${details} FROM usage_days u
  WHERE u.start >= ? AND u.start < ? AND u.meter = ?`;

export class UsageReader {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Null: there is more than one answer may read. */
  pieces(query: UsagePieceQuery): readonly UsagePiece[] | null {
    const sql = "SELECT no FROM usage_meters WHERE meter_id = ? AND gone_from IS NULL";
    const meter = this.#statements.row(sql, [query.meterId]);
    if (meter === undefined) return [];
    const { from, to, detail, withGroups } = query;
    const no = integerOf(meter[0]);
    const pieces: UsagePiece[] = [];
    const take = detail === "minutes" ? minutesOf : totalOf;
    const details = detail === "minutes" ? "u.minutes" : withGroups ? "u.groups" : "NULL";
    const budget = { rows: rowsMax, characters: groupCharactersMax };
    const read = (text: string, values: readonly number[]): boolean => {
      for (const row of this.#statements.walk(text, values)) {
        budget.rows -= 1;
        budget.characters -= textOrNullOf(row[5])?.length ?? 0;
        if (budget.rows < 0 || budget.characters < 0) return false;
        pieces.push(...take(row));
      }
      return true;
    };
    if (!read(quartersSql(details), [from, to, no, to])) return null;
    if (detail !== "quarters-and-days") return pieces;
    return read(daysSql(details), [from, to, no]) ? pieces : null;
  }
}

function minutesOf(row: Row): readonly UsagePiece[] {
  const text = textOrNullOf(row[5]);
  if (text === null) return [];
  const places = integerOf(row[3]);
  return piecesOfMinutes(
    { start: integerOf(row[0]), places, minutes: JSON.parse(text) },
    period(row),
  );
}

function totalOf(row: Row): readonly UsagePiece[] {
  const places = integerOf(row[3]);
  const groups = groupsOf(textOrNullOf(row[5]), places);
  const { total } = amountsOf({ places, total: textOf(row[4]), minutes: null, groups: null });
  return [{ start: integerOf(row[0]), ...period(row), value: total, groups }];
}

function period(row: Row): Pick<UsagePiece, "periodStart" | "periodEnd"> {
  return { periodStart: integerOf(row[1]), periodEnd: integerOf(row[2]) };
}
