// Stores threshold events, one row each, numbered in the order of positions, and removes the oldest
// when they were kept long enough. An event that stands already is left as it is.
import type { ThresholdEventOutput } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Names } from "./names.ts";
import { RowNumbers } from "./row-numbers.ts";
import { integerOf, type Statements } from "./statements.ts";
import { Tally } from "./tally.ts";

const insertSql = `INSERT INTO threshold_events
  (no, partition, seq, idx, account, key, type, emitted_at, meter_id, user_id)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (partition, seq, idx) DO NOTHING`;
const insertJsonSql = "INSERT INTO threshold_events_json (no, json) VALUES (?, ?)";
/** The last row always stays: the numbers of later ones follow on it. */
const oldestSql = `SELECT no, account, key, type, emitted_at, partition, seq, idx
  FROM threshold_events WHERE no < (SELECT max(no) FROM threshold_events) ORDER BY no LIMIT ?`;
const prunedSql = `INSERT INTO threshold_pruned (one, partition, seq, idx) VALUES (1, ?, ?, ?)
  ON CONFLICT DO UPDATE SET partition = excluded.partition, seq = excluded.seq, idx = excluded.idx`;

export class ThresholdEventWriter {
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #counts: Tally;
  readonly #rows: RowNumbers;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
    this.#counts = new Tally(statements, {
      table: "threshold_counts",
      columns: ["account", "key", "type"],
    });
    this.#rows = new RowNumbers(statements, "threshold_events");
  }

  add(output: ThresholdEventOutput): void {
    const { partition, seq, index } = output.position;
    const account = this.#names.findOrAdd(output.accountId);
    const key = this.#names.findOrAdd(output.meterKey);
    const type = this.#names.findOrAdd(output.meterTypeId);
    const no = this.#rows.next;
    const { meterId, userId, emittedAt } = output;
    const { changes } = this.#statements
      .prepare(insertSql)
      .run(no, partition, seq, index, account, key, type, emittedAt, meterId, userId);
    if (changes === 0) return;
    this.#statements.prepare(insertJsonSql).run(no, output.json);
    this.#rows.took(output.position);
    this.#counts.add(1, [account, key, type]);
  }

  finishGroup(): void {
    this.#counts.write();
  }

  /** Removes events made before then, from the oldest on, at most so many; returns how many. */
  prune(before: EpochMs, rowsMax: number): number {
    const rows = this.#statements.rows(oldestSql, [rowsMax]);
    const kept = rows.findIndex((row) => integerOf(row[4]) >= before);
    const removed = kept === -1 ? rows : rows.slice(0, kept);
    const last = removed.at(-1);
    if (last === undefined) return 0;
    for (const row of removed) this.#counts.add(-1, row.slice(1, 4).map(integerOf));
    this.#counts.write();
    const no = integerOf(last[0]);
    this.#statements.prepare("DELETE FROM threshold_events WHERE no <= ?").run(no);
    this.#statements.prepare("DELETE FROM threshold_events_json WHERE no <= ?").run(no);
    this.#statements.prepare(prunedSql).run(...last.slice(5).map(integerOf));
    return removed.length;
  }

  /** After a rollback or a reset: what the table says holds again. */
  forget(): void {
    this.#counts.forget();
    this.#rows.reload();
  }
}
