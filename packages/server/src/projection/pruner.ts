// Retention: removes the oldest metered records and audit rows, a bounded number at once, so that
// counting waits for none of it. Rows go in the order in which they were made, and totals with them.
// The last row of a list always stays: the numbers and positions of later rows follow on it.
import type { EpochMs } from "../core/ports.ts";
import { millisecondsPerHour } from "./audit-writer.ts";
import { integerOf, type Row, type Statements } from "./statements.ts";
import { Tally } from "./tally.ts";
import type { ThresholdEventWriter } from "./threshold-event-writer.ts";
import type { UsageList, UsageTables } from "./usage-tables.ts";

const meteredSql = `SELECT no, account, key, type, period_end, partition, seq, idx FROM metered
  WHERE no < (SELECT max(no) FROM metered) ORDER BY no LIMIT ?`;
const endSql = `UPDATE metered_ends SET n = n - ?
  WHERE account = ? AND key = ? AND type = ? AND period_end = ?`;
const emptyEndSql = `DELETE FROM metered_ends
  WHERE account = ? AND key = ? AND type = ? AND period_end = ? AND n = 0`;
const prunedSql = `INSERT INTO pruned (list, partition, seq, idx) VALUES ('metered', ?, ?, ?)
  ON CONFLICT DO UPDATE SET partition = excluded.partition, seq = excluded.seq, idx = excluded.idx`;
const auditSql = `SELECT no, account, key, kind, started_at FROM audit
  WHERE no < (SELECT max(no) FROM audit) ORDER BY no LIMIT ?`;
const hourSql = `UPDATE audit_hours SET n = n - ?
  WHERE account = ? AND key = ? AND kind = ? AND hour = ?`;
const emptyHourSql = `DELETE FROM audit_hours
  WHERE account = ? AND key = ? AND kind = ? AND hour = ? AND n = 0`;
const emptyReasonsSql = `DELETE FROM audit_hour_reasons WHERE account = ? AND key = ? AND hour = ?
  AND NOT EXISTS (SELECT 1 FROM audit_hours h WHERE h.account = audit_hour_reasons.account
    AND h.key = audit_hour_reasons.key AND h.hour = audit_hour_reasons.hour)`;

const actionsSql = `DELETE FROM correction_actions WHERE no IN (
  SELECT no FROM correction_actions WHERE finished_at < ? ORDER BY finished_at LIMIT ?)`;

/** The lists that are kept for a time; that of usage stands in usage-pruner.ts. */
export type PrunedList =
  | "metered-records"
  | "threshold-events"
  | "usage-audit"
  | "correction-actions"
  | UsageList;

/** Rows that share a count: its key, and how many they are. */
interface Share {
  readonly key: readonly number[];
  n: number;
}

export class Pruner {
  readonly #statements: Statements;
  readonly #metered: Tally;
  readonly #audit: Tally;
  readonly #usage: UsageTables;
  readonly #thresholdEvents: ThresholdEventWriter;

  constructor(statements: Statements, usage: UsageTables, thresholdEvents: ThresholdEventWriter) {
    this.#thresholdEvents = thresholdEvents;
    this.#statements = statements;
    this.#usage = usage;
    const metered = { table: "metered_counts", columns: ["account", "key", "type"] };
    this.#metered = new Tally(statements, metered);
    const audit = { table: "audit_counts", columns: ["account", "key", "kind"] };
    this.#audit = new Tally(statements, audit);
  }

  /** Removes rows older than `before`; returns how many, and less than `rowsMax` at the end. */
  prune(list: PrunedList, before: EpochMs, rowsMax: number): number {
    if (list === "usage-audit") return this.audit(before, rowsMax);
    if (list === "metered-records") return this.meteredRecords(before, rowsMax);
    if (list === "correction-actions") return this.#correctionActions(before, rowsMax);
    if (list === "threshold-events") return this.#thresholdEvents.prune(before, rowsMax);
    return this.#usage.prune(list, before, rowsMax);
  }

  /** Removes records whose period ended before then, from the oldest on; returns how many. */
  meteredRecords(before: EpochMs, rowsMax: number): number {
    const rows = this.#oldest(meteredSql, rowsMax, (row) => integerOf(row[4]) < before);
    const last = rows.at(-1);
    if (last === undefined) return 0;
    const no = integerOf(last[0]);
    this.#run("DELETE FROM metered WHERE no <= ?", [no]);
    this.#run("DELETE FROM metered_json WHERE no <= ?", [no]);
    for (const { key, n } of shares(rows, [1, 2, 3])) this.#metered.add(-n, key);
    this.#metered.write();
    for (const { key, n } of shares(rows, [1, 2, 3, 4])) {
      this.#run(endSql, [n, ...key]);
      this.#run(emptyEndSql, key);
    }
    this.#run(prunedSql, last.slice(5).map(integerOf));
    return rows.length;
  }

  /** Removes rows of hours that ended before then, and the hours once all their rows are gone. */
  audit(before: EpochMs, rowsMax: number): number {
    const keptFrom = Math.floor(before / millisecondsPerHour) * millisecondsPerHour;
    const rows = this.#oldest(auditSql, rowsMax, (row) => integerOf(row[4]) < keptFrom);
    const last = rows.at(-1);
    if (last === undefined) return 0;
    const no = integerOf(last[0]);
    this.#run("DELETE FROM audit WHERE no <= ?", [no]);
    this.#run("DELETE FROM audit_reasons WHERE no <= ?", [no]);
    for (const { key, n } of shares(rows, [1, 2, 3])) this.#audit.add(-n, key);
    this.#audit.write();
    const inHours = rows.map((row) => [...row.slice(0, 4), hourOf(row)]);
    for (const { key, n } of shares(inHours, [1, 2, 3, 4])) {
      this.#run(hourSql, [n, ...key]);
      this.#run(emptyHourSql, key);
    }
    for (const { key } of shares(inHours, [1, 2, 4])) this.#run(emptyReasonsSql, key);
    return rows.length;
  }

  /** Finished ones only. */
  #correctionActions(before: EpochMs, rowsMax: number): number {
    const { changes } = this.#statements.prepare(actionsSql).run(before, rowsMax);
    return integerOf(changes);
  }

  /** After a rollback. */
  forget(): void {
    this.#metered.forget();
    this.#audit.forget();
  }

  /** Rows from the oldest on, as far as every one of them may go. */
  #oldest(sql: string, rowsMax: number, mayGo: (row: Row) => boolean): readonly Row[] {
    const rows = this.#statements.rows(sql, [rowsMax]);
    const kept = rows.findIndex((row) => !mayGo(row));
    return kept === -1 ? rows : rows.slice(0, kept);
  }

  #run(sql: string, values: readonly number[]): void {
    this.#statements.prepare(sql).run(...values);
  }
}

function hourOf(row: Row): number {
  return Math.floor(integerOf(row[4]) / millisecondsPerHour);
}

/** How many of the rows have the same values in these columns. */
function shares(rows: readonly Row[], columns: readonly number[]): Iterable<Share> {
  const found = new Map<string, Share>();
  for (const row of rows) {
    const key = columns.map((column) => integerOf(row[column]));
    const share = found.get(key.join("/"));
    if (share === undefined) found.set(key.join("/"), { key, n: 1 });
    else share.n += 1;
  }
  return found.values();
}
