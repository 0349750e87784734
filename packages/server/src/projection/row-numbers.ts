// Numbers the rows of one table in the order of their positions, so that walking rows by number is
// walking outputs by position. A row out of order is a broken promise, not something to sort out.
import type { Position } from "../core/output.ts";
import { assert } from "../core/problem.ts";
import { integerOf, type Statements } from "./statements.ts";

export type NumberedTable = "metered" | "threshold_events" | "corrections" | "audit";

export class RowNumbers {
  readonly #statements: Statements;
  readonly #lastSql: string;
  #last: Position = { partition: 0, seq: 0, index: 0 };
  #lastNo = 0;

  constructor(statements: Statements, table: NumberedTable) {
    this.#statements = statements;
    this.#lastSql = `SELECT no, partition, seq, idx FROM ${table} ORDER BY no DESC LIMIT 1`;
    this.reload();
  }

  /** The number for a row that is about to be inserted. */
  get next(): number {
    return this.#lastNo + 1;
  }

  /** The row with the number `next` was inserted. */
  took(position: Position): void {
    assert(
      this.#lastNo === 0 || isBefore(this.#last, position),
      "outputs are stored in the order of their positions",
    );
    this.#last = position;
    this.#lastNo += 1;
  }

  /** After a rollback or a reset: what the table says holds again. */
  reload(): void {
    const row = this.#statements.row(this.#lastSql, []) ?? [];
    const [no = 0, partition = 0, seq = 0, index = 0] = row.map(integerOf);
    this.#lastNo = no;
    this.#last = { partition, seq, index };
  }
}

function isBefore(a: Position, b: Position): boolean {
  if (a.partition !== b.partition) return a.partition < b.partition;
  return a.seq === b.seq ? a.index < b.index : a.seq < b.seq;
}
