// Prepared statements of the deliveries' file, made once for each text, and readers of their
// columns. Texts are constant; what comes from outside is always a bound parameter.
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import type { Position } from "../core/output.ts";
import { assert } from "../core/problem.ts";

/** There are far fewer texts; more would mean that a value got into one. */
const statementsMax = 256;

export type Row = Readonly<Record<string, SQLOutputValue>>;

export class Prepared {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Rows that it changed. */
  run(sql: string, values: readonly SQLInputValue[]): number {
    return Number(this.#of(sql).run(...values).changes);
  }

  all(sql: string, values: readonly SQLInputValue[]): readonly Row[] {
    return this.#of(sql).all(...values);
  }

  get(sql: string, values: readonly SQLInputValue[]): Row | undefined {
    return this.#of(sql).get(...values);
  }

  /** All or nothing; only one at a time. */
  transaction(work: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #of(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      assert(this.#statements.size < statementsMax, "the texts of statements are constant");
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

export function integer(row: Row | undefined, column: string): number {
  const value = row?.[column];
  assert(typeof value === "number", `column ${column} holds an integer`);
  return value;
}

export function integerOrNull(row: Row | undefined, column: string): number | null {
  return row?.[column] === null || row === undefined ? null : integer(row, column);
}

export function text(row: Row | undefined, column: string): string {
  const value = row?.[column];
  assert(typeof value === "string", `column ${column} holds a text`);
  return value;
}

export function textOrNull(row: Row | undefined, column: string): string | null {
  return row?.[column] === null || row === undefined ? null : text(row, column);
}

/** The columns `partition`, `seq` and `idx`, or those with a prefix before their names. */
export function position(row: Row | undefined, prefix = ""): Position {
  return {
    partition: integer(row, `${prefix}partition`),
    seq: integer(row, `${prefix}seq`),
    index: integer(row, `${prefix}idx`),
  };
}

export function isAfter(a: Position, b: Position): boolean {
  if (a.partition !== b.partition) return a.partition > b.partition;
  return a.seq === b.seq ? a.index > b.index : a.seq > b.seq;
}
