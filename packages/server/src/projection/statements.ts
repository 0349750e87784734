// Prepared statements, made once for each text and used again. Texts are put together from
// constant parts only; what comes from outside is always a bound parameter.
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { assert } from "../core/problem.ts";

/** Combinations of filters and indexes are far fewer; more would mean that a value got into SQL. */
const statementsMax = 1_024;

export type Row = readonly unknown[];

export class Statements {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Rows come as arrays in the order of the columns. */
  prepare(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      assert(this.#prepared.size < statementsMax, "the texts of statements are constant");
      statement = this.#database.prepare(sql);
      statement.setReturnArrays(true);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }

  rows(sql: string, values: readonly SQLInputValue[]): readonly Row[] {
    const rows: readonly unknown[] = this.prepare(sql).all(...values);
    return rows as readonly Row[];
  }

  /** Row by row; the same text must not be walked twice at a time. */
  walk(sql: string, values: readonly SQLInputValue[]): Iterable<Row> {
    const rows: Iterable<unknown> = this.prepare(sql).iterate(...values);
    return rows as Iterable<Row>;
  }

  row(sql: string, values: readonly SQLInputValue[]): Row | undefined {
    const row: unknown = this.prepare(sql).get(...values);
    return row as Row | undefined;
  }

  /** A column of the only row that is an integer; 0 where there is none. */
  integer(sql: string, values: readonly SQLInputValue[]): number {
    return integerOf(this.row(sql, values)?.[0]);
  }
}

/** A condition (constant text with one `?`) and its value; left out when undefined. */
export type Condition = readonly [text: string, value: string | number | undefined];

export interface Where {
  /** Conditions joined by AND. */
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

export function whereOf(conditions: readonly Condition[]): Where {
  const texts: string[] = [];
  const values: (string | number)[] = [];
  for (const [text, value] of conditions) {
    if (value === undefined) continue;
    texts.push(text);
    values.push(value);
  }
  return { sql: texts.join(" AND "), values };
}

/** SQL's null is 0: sums and maxima of nothing. */
export function integerOf(value: unknown): number {
  if (value === null || value === undefined) return 0;
  assert(typeof value === "number", "the projection holds an integer here");
  return value;
}

export function textOf(value: unknown): string {
  assert(typeof value === "string", "the projection holds a text here");
  return value;
}

export function textOrNullOf(value: unknown): string | null {
  return value === null ? null : textOf(value);
}

/** Bounds of one page, checked by the caller already. */
export function assertPage(limit: number, skip: number, max: number): void {
  assert(Number.isSafeInteger(limit) && limit >= 1 && limit <= max, "limit is within bounds");
  assert(Number.isSafeInteger(skip) && skip >= 0, "skip is a natural number");
}
