// Items of data correction by error: one group for each meter key, reason and detail, with how many
// wait. Counts are gathered while a group of entries is stored and written at its end; a group of no
// items goes. First and last tell when items came since nothing of the group waited.
import type { EpochMs } from "../core/ports.ts";
import { integerOf, type Statements } from "./statements.ts";

/** Groups known by number; beyond these the table is asked. */
const cachedMax = 16_384;

export interface GroupName {
  readonly account: number;
  readonly key: number;
  readonly reason: number;
  readonly detail: string;
}

interface Change {
  /** Waiting, and in any state. */
  n: number;
  items: number;
  /** Of the items that came; infinite where none did. */
  first: EpochMs;
  last: EpochMs;
}

const findSql = `SELECT no FROM correction_groups
  WHERE account = ? AND detail = ? AND key = ? AND reason = ?`;
const insertSql = `INSERT INTO correction_groups
  (account, detail, key, reason, n, items, first_at, last_at) VALUES (?, ?, ?, ?, 0, 0, 0, 0)
  RETURNING no`;
const comeSql = `UPDATE correction_groups SET n = n + ?1, items = items + ?2,
    first_at = CASE n WHEN 0 THEN ?3 ELSE min(first_at, ?3) END,
    last_at = CASE n WHEN 0 THEN ?4 ELSE max(last_at, ?4) END
  WHERE no = ?5`;
const goSql = "UPDATE correction_groups SET n = n + ?, items = items + ? WHERE no = ?";
const removeSql = "DELETE FROM correction_groups WHERE no = ? AND items = 0 RETURNING no";

export class CorrectionGroups {
  readonly #statements: Statements;
  readonly #numbers = new Map<string, number>();
  readonly #changes = new Map<number, Change>();

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Only within a transaction that writes. */
  findOrAdd({ account, key, reason, detail }: GroupName): number {
    const name = `${account}/${key}/${reason}/${detail}`;
    const cached = this.#numbers.get(name);
    if (cached !== undefined) return cached;
    const values = [account, detail, key, reason];
    const found = this.#statements.row(findSql, values) ?? this.#statements.row(insertSql, values);
    const no = integerOf(found?.[0]);
    if (this.#numbers.size >= cachedMax) this.#numbers.clear();
    this.#numbers.set(name, no);
    return no;
  }

  /** A waiting item joins the group. */
  come(no: number, at: EpochMs): void {
    const change = this.#change(no);
    change.n += 1;
    change.items += 1;
    change.first = Math.min(change.first, at);
    change.last = Math.max(change.last, at);
  }

  /** An item waits no more, or leaves the group altogether, or both. */
  go(no: number, { waited, leaves }: { readonly waited: boolean; readonly leaves: boolean }): void {
    const change = this.#change(no);
    if (waited) change.n -= 1;
    if (leaves) change.items -= 1;
  }

  write(): void {
    let isAnyGone = false;
    for (const [no, { n, items, first, last }] of this.#changes) {
      const hasCome = first <= last;
      if (hasCome) this.#statements.prepare(comeSql).run(n, items, first, last, no);
      else this.#statements.prepare(goSql).run(n, items, no);
      if (items <= 0 && this.#statements.row(removeSql, [no]) !== undefined) isAnyGone = true;
    }
    this.#changes.clear();
    if (isAnyGone) this.#numbers.clear();
  }

  forget(): void {
    this.#numbers.clear();
    this.#changes.clear();
  }

  #change(no: number): Change {
    let change = this.#changes.get(no);
    if (change === undefined) {
      change = { n: 0, items: 0, first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY };
      this.#changes.set(no, change);
    }
    return change;
  }
}
