// Stores metered records: one row each, numbered in the order of positions, and the counts that
// totals and time ranges are answered from. A record that stands already is left as it is.
import type { MeteredRecordOutput } from "../core/output.ts";
import { assert } from "../core/problem.ts";
import type { Names } from "./names.ts";
import { RowNumbers } from "./row-numbers.ts";
import type { Statements } from "./statements.ts";
import { Tally } from "./tally.ts";

/** Records of one period end, key and type: how many, and between which rows. */
interface EndChange {
  readonly key: readonly [account: number, periodEnd: number, key: number, type: number];
  readonly firstNo: number;
  lastNo: number;
  n: number;
}

const insertSql = `INSERT INTO metered
  (no, partition, seq, idx, account, key, type, period_end, meter_id, user_id)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (partition, seq, idx) DO NOTHING`;
const insertJsonSql = "INSERT INTO metered_json (no, json) VALUES (?, ?)";
const endSql = `INSERT INTO metered_ends
  (account, period_end, key, type, n, first_no, last_no) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET n = n + excluded.n, last_no = excluded.last_no`;

export class MeteredRecordWriter {
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #counts: Tally;
  readonly #ends = new Map<string, EndChange>();
  readonly #rows: RowNumbers;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
    this.#counts = new Tally(statements, {
      table: "metered_counts",
      columns: ["account", "key", "type"],
    });
    this.#rows = new RowNumbers(statements, "metered");
  }

  add(output: MeteredRecordOutput): void {
    const { partition, seq, index } = output.position;
    const account = this.#names.findOrAdd(output.accountId);
    const key = this.#names.findOrAdd(output.meterKey);
    const type = this.#names.findOrAdd(output.meterTypeId);
    const no = this.#rows.next;
    const { meterId, userId, periodEnd } = output;
    const { changes } = this.#statements
      .prepare(insertSql)
      .run(no, partition, seq, index, account, key, type, periodEnd, meterId, userId);
    if (changes === 0) return;
    this.#statements.prepare(insertJsonSql).run(no, output.json);
    this.#rows.took(output.position);
    this.#counts.add(1, [account, key, type]);
    this.#addEnd([account, periodEnd, key, type], no);
  }

  finishGroup(): void {
    this.#counts.write();
    for (const { key, n, firstNo, lastNo } of this.#ends.values()) {
      this.#statements.prepare(endSql).run(...key, n, firstNo, lastNo);
    }
    this.#ends.clear();
  }

  /** After a rollback or a reset: what the table says holds again. */
  forget(): void {
    this.#counts.forget();
    this.#ends.clear();
    this.#rows.reload();
  }

  #addEnd(key: EndChange["key"], no: number): void {
    const text = key.join("/");
    const change = this.#ends.get(text);
    if (change === undefined) {
      this.#ends.set(text, { key, firstNo: no, lastNo: no, n: 1 });
    } else {
      assert(no > change.lastNo, "rows are numbered upwards");
      change.lastNo = no;
      change.n += 1;
    }
  }
}
