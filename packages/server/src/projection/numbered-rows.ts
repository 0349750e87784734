// Walks the rows of one table by their numbers, which ascend with their positions (row-numbers.ts):
// those of a range of numbers that meet a condition, through the index that the list has chosen.
// Reads only.
import type { Position } from "../core/output.ts";
import type { Found, Matching, Step } from "./cursor-list.ts";
import type { NumberedTable } from "./row-numbers.ts";
import { integerOf, type Statements, textOf, type Where } from "./statements.ts";

/** Row numbers are inclusive. */
export interface RowRange {
  readonly index: string;
  readonly where: Where;
  readonly firstNo: number;
  readonly lastNo: number;
}

/** Rows whose JSON texts stand in a table beside theirs. */
export function jsonRows(
  statements: Statements,
  table: "metered" | "threshold_events",
): NumberedRows<string> {
  const sql = `SELECT json FROM ${table}_json WHERE no = ?`;
  return new NumberedRows(statements, table, (no) => textOf(statements.row(sql, [no])?.[0]));
}

export class NumberedRows<Item> {
  readonly #statements: Statements;
  readonly #table: NumberedTable;
  readonly #read: (no: number) => Item;

  constructor(statements: Statements, table: NumberedTable, read: (no: number) => Item) {
    this.#statements = statements;
    this.#table = table;
    this.#read = read;
  }

  /** The number of the newest row; 0 when there is none. */
  newest(): number {
    return this.#statements.integer(`SELECT max(no) FROM ${this.#table}`, []);
  }

  /** Through the index, which takes as long as there are rows. */
  count(range: RowRange): number {
    if (range.firstNo > range.lastNo) return 0;
    const sql = `SELECT count(*) ${this.#source(range)}`;
    return this.#statements.integer(sql, [...range.where.values, range.firstNo, range.lastNo]);
  }

  /**
   * The rows of a range, whatever comes after it meanwhile. They are counted where nothing that is
   * kept beside them tells how many there are.
   */
  matching(range: RowRange, total: () => number = () => this.count(range)): Matching<Item> {
    return { total, walk: (step) => this.#walk(range, step) };
  }

  #walk(whole: RowRange, { after, sortOrder, limit, skip }: Step): readonly Found<Item>[] {
    const range = after === null ? whole : this.#beyond(whole, after, sortOrder);
    if (range.firstNo > range.lastNo) return [];
    const sql = `SELECT no ${this.#source(range)}
      ORDER BY no ${sortOrder === "ASC" ? "ASC" : "DESC"} LIMIT ? OFFSET ?`;
    const values = [...range.where.values, range.firstNo, range.lastNo, limit, skip];
    return this.#statements.rows(sql, values).map((row) => {
      const no = integerOf(row[0]);
      return { position: () => this.#positionOf(no), read: () => this.#read(no) };
    });
  }

  /** The rows after a position in this direction; the row at it need not exist any more. */
  #beyond(
    range: RowRange,
    { partition, seq, index }: Position,
    sortOrder: Step["sortOrder"],
  ): RowRange {
    const sql = `SELECT no FROM ${this.#table}
      WHERE (partition, seq, idx) ${sortOrder === "ASC" ? "<=" : "<"} (?, ?, ?)
      ORDER BY partition DESC, seq DESC, idx DESC LIMIT 1`;
    const before = this.#statements.integer(sql, [partition, seq, index]);
    return sortOrder === "ASC"
      ? { ...range, firstNo: Math.max(range.firstNo, before + 1) }
      : { ...range, lastNo: Math.min(range.lastNo, before) };
  }

  #positionOf(no: number): Position {
    const sql = `SELECT partition, seq, idx FROM ${this.#table} WHERE no = ?`;
    const row = this.#statements.row(sql, [no]) ?? [];
    return { partition: integerOf(row[0]), seq: integerOf(row[1]), index: integerOf(row[2]) };
  }

  #source({ index, where }: RowRange): string {
    return `FROM ${this.#table} INDEXED BY ${index} WHERE ${where.sql} AND no BETWEEN ? AND ?`;
  }
}
