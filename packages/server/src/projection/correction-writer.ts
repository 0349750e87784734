// Stores data-correction items: one row each in the order of positions, the original bytes exactly
// as sent, and the counts that totals are answered from. An item that stands already is left as it
// is, but that a waiting one may be closed.
import type { CorrectionOutput, CorrectionSupersededOutput } from "../core/output.ts";
import type { Names } from "./names.ts";
import { RowNumbers } from "./row-numbers.ts";
import { integerOf, type Statements } from "./statements.ts";
import { Tally } from "./tally.ts";

const insertSql = `INSERT INTO corrections
  (no, partition, seq, idx, account, key, reason, state, attempts, received_at, updated_at,
    user_id, record_id)
  VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', 1, ?, ?, ?, ?)
  ON CONFLICT (partition, seq, idx) DO NOTHING`;
const insertBodySql = `INSERT INTO correction_bodies (no, detail, original, record)
  VALUES (?, ?, ?, ?)`;
const supersedeSql = `UPDATE corrections SET state = 'superseded', updated_at = ?
  WHERE partition = ? AND seq = ? AND idx = ? AND state = 'waiting'
  RETURNING account, key, reason`;

export class CorrectionWriter {
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #counts: Tally;
  readonly #rows: RowNumbers;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
    this.#counts = new Tally(statements, {
      table: "correction_counts",
      columns: ["account", "key", "reason", "state"],
    });
    this.#rows = new RowNumbers(statements, "corrections");
  }

  add(output: CorrectionOutput): void {
    const { partition, seq, index } = output.position;
    const account = this.#names.findOrAdd(output.accountId);
    const key = this.#names.findOrAdd(output.meterKey);
    const reason = this.#names.findOrAdd(output.reason);
    const no = this.#rows.next;
    const { receivedAt, userId, recordId, detail, record } = output;
    const { changes } = this.#statements
      .prepare(insertSql)
      .run(
        ...[no, partition, seq, index, account, key, reason],
        ...[receivedAt, receivedAt, userId, recordId],
      );
    if (changes === 0) return;
    const original = Buffer.from(output.original, output.originalIsBytes ? "latin1" : "utf8");
    this.#statements.prepare(insertBodySql).run(no, detail, original, record);
    this.#rows.took(output.position);
    this.#counts.add(1, [account, key, reason, "waiting"]);
  }

  /** Only a waiting item is closed; one that is unknown or closed already stays as it is. */
  supersede({ item, updatedAt }: CorrectionSupersededOutput): void {
    const values = [updatedAt, item.partition, item.seq, item.index];
    const row = this.#statements.row(supersedeSql, values);
    if (row === undefined) return;
    const key = row.map(integerOf);
    this.#counts.add(-1, [...key, "waiting"]);
    this.#counts.add(1, [...key, "superseded"]);
  }

  finishGroup(): void {
    this.#counts.write();
  }

  /** After a rollback or a reset: what the table says holds again. */
  forget(): void {
    this.#counts.forget();
    this.#rows.reload();
  }
}
