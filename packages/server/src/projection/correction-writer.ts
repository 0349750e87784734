// Stores data-correction items: one row each in the order of positions, the original bytes exactly
// as sent, and the counts that totals are answered from. An item that stands already is left as it
// is; only a waiting one is changed or closed, and any may go when its time is over.
import type {
  CorrectionChangedOutput,
  CorrectionExpiredOutput,
  CorrectionOutput,
  CorrectionSupersededOutput,
  Position,
} from "../core/output.ts";
import { CorrectionGroups } from "./correction-groups.ts";
import type { Names } from "./names.ts";
import { RowNumbers } from "./row-numbers.ts";
import { integerOf, type Statements, textOf } from "./statements.ts";
import { Tally } from "./tally.ts";

const insertSql = `INSERT INTO corrections
  (no, partition, seq, idx, account, key, reason, state, attempts, received_at, updated_at,
    user_id, record_id, grp)
  VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', 1, ?, ?, ?, ?, ?)
  ON CONFLICT (partition, seq, idx) DO NOTHING`;
const insertBodySql = `INSERT INTO correction_bodies
  (no, detail, original, record, event, refused_id) VALUES (?, ?, ?, ?, ?, ?)`;
const findSql = `SELECT no, account, key, reason, grp, state FROM corrections
  WHERE partition = ? AND seq = ? AND idx = ?`;
const closeSql = `UPDATE corrections SET state = ?, attempts = attempts + ?, updated_at = ?
  WHERE no = ?`;
const keepSql = `UPDATE corrections SET reason = ?, user_id = ?, record_id = ?, grp = ?, rekeyed = ?,
  attempts = attempts + ?, updated_at = ? WHERE no = ?`;
const keepBodySql = `UPDATE correction_bodies SET detail = ?, record = ?, event = ?, refused_id = ?
  WHERE no = ?`;

interface FoundRow {
  readonly no: number;
  readonly account: number;
  readonly key: number;
  readonly reason: number;
  readonly group: number;
  readonly state: string;
}

export class CorrectionWriter {
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #counts: Tally;
  readonly #groups: CorrectionGroups;
  readonly #rows: RowNumbers;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
    this.#counts = new Tally(statements, {
      table: "correction_counts",
      columns: ["account", "key", "reason", "state"],
    });
    this.#groups = new CorrectionGroups(statements);
    this.#rows = new RowNumbers(statements, "corrections");
  }

  add(output: CorrectionOutput): void {
    const { partition, seq, index } = output.position;
    const account = this.#names.findOrAdd(output.accountId);
    const key = this.#names.findOrAdd(output.meterKey);
    const reason = this.#names.findOrAdd(output.reason);
    const no = this.#rows.next;
    const { receivedAt, userId, recordId, detail, record, event = null } = output;
    const group = this.#groups.findOrAdd({ account, key, reason, detail });
    const { changes } = this.#statements
      .prepare(insertSql)
      .run(
        ...[no, partition, seq, index, account, key, reason],
        ...[receivedAt, receivedAt, userId, recordId, group],
      );
    if (changes === 0) return;
    const original = Buffer.from(output.original, output.originalIsBytes ? "latin1" : "utf8");
    const refusedId = idFaults.has(output.reason) ? recordId : null;
    this.#statements.prepare(insertBodySql).run(no, detail, original, record, event, refusedId);
    this.#rows.took(output.position);
    this.#counts.add(1, [account, key, reason, "waiting"]);
    this.#groups.come(group, receivedAt);
  }

  supersede({ item, updatedAt }: CorrectionSupersededOutput): void {
    const row = this.#find(item);
    if (row?.state === "waiting") this.#close(row, { state: "superseded", times: 0, updatedAt });
  }

  change({ item, state, waits, isJudged, updatedAt }: CorrectionChangedOutput): void {
    const row = this.#find(item);
    if (row?.state !== "waiting") return;
    const times = isJudged ? 1 : 0;
    if (waits === null) {
      this.#close(row, { state, times, updatedAt });
      return;
    }
    const { no, account, key } = row;
    const reason = this.#names.findOrAdd(waits.reason);
    const { userId, recordId, detail, record, event, refusedId } = waits;
    const group = this.#groups.findOrAdd({ account, key, reason, detail });
    this.#statements
      .prepare(keepSql)
      .run(
        ...[reason, userId, recordId, group, waits.isRekeyed ? 1 : 0],
        ...[times, updatedAt, no],
      );
    this.#statements.prepare(keepBodySql).run(detail, record, event, refusedId, no);
    if (group === row.group) return;
    this.#groups.go(row.group, { waited: true, leaves: true });
    this.#groups.come(group, updatedAt);
    if (reason === row.reason) return;
    this.#counts.add(-1, [account, key, row.reason, "waiting"]);
    this.#counts.add(1, [account, key, reason, "waiting"]);
  }

  remove({ item }: CorrectionExpiredOutput): void {
    const row = this.#find(item);
    if (row === undefined) return;
    const { no, account, key, reason, state, group } = row;
    this.#statements.prepare("DELETE FROM corrections WHERE no = ?").run(no);
    this.#statements.prepare("DELETE FROM correction_bodies WHERE no = ?").run(no);
    this.#counts.add(-1, [account, key, reason, state]);
    this.#groups.go(group, { waited: state === "waiting", leaves: true });
  }

  finishGroup(): void {
    this.#counts.write();
    this.#groups.write();
  }

  /** After a rollback or a reset: what the table says holds again. */
  forget(): void {
    this.#counts.forget();
    this.#groups.forget();
    this.#rows.reload();
  }

  #close(
    { no, account, key, reason, group }: FoundRow,
    to: { readonly state: string; readonly times: number; readonly updatedAt: number },
  ): void {
    this.#statements.prepare(closeSql).run(to.state, to.times, to.updatedAt, no);
    this.#counts.add(-1, [account, key, reason, "waiting"]);
    this.#counts.add(1, [account, key, reason, to.state]);
    this.#groups.go(group, { waited: true, leaves: false });
  }

  #find({ partition, seq, index }: Position): FoundRow | undefined {
    const row = this.#statements.row(findSql, [partition, seq, index]);
    if (row === undefined) return undefined;
    const [no = 0, account = 0, key = 0, reason = 0, group = 0] = row.slice(0, 5).map(integerOf);
    return { no, account, key, reason, group, state: textOf(row[5]) };
  }
}

/** A record with one of these can be counted under another record id only. */
const idFaults: ReadonlySet<string> = new Set(["ID_CONFLICT", "OLDER_THAN_ID_WINDOW"]);
