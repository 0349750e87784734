// Stores the usage audit. Facts of one processor and kind that share a second of the clock make one
// row, whatever groups they came in, so that a rebuild gives the same rows. Groups that hold nothing
// but facts wait here for each other, up to a second: until they are written the file does not
// count them as applied, so the journal makes them again after a crash.
import {
  type AuditOutput,
  auditEvents,
  type Output,
  type Position,
  positionText,
} from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { figureColumns, figureNames } from "./audit-schema.ts";
import type { Names } from "./names.ts";
import { RowNumbers } from "./row-numbers.ts";
import { integerOf, type Statements } from "./statements.ts";
import { Tally } from "./tally.ts";

export const millisecondsPerHour = 3_600_000;
/** A row holds the facts of so long. */
const millisecondsPerRow = 1_000;
/** How long facts wait for others, by the time of their entries. */
const waitingMsMax = 1_000;
/** Facts that may wait. */
const waitingMax = 10_000;

/** Facts that make one row. */
interface Row {
  readonly position: Position;
  readonly account: number;
  readonly key: number;
  readonly kind: number;
  readonly startedAt: EpochMs;
  endedAt: EpochMs;
  /** In the order of `figureNames`. */
  readonly figures: number[];
  readonly reasons: Map<number, number>;
  readonly discarded: string | null;
}

const marks = (count: number): string => Array.from({ length: count }, () => "?").join(", ");
const added = figureColumns.map((column) => `${column} = ${column} + excluded.${column}`);
const insertSql = `INSERT INTO audit (no, partition, seq, idx, account, key, kind, started_at,
  ended_at, ${figureColumns.join(", ")}, discarded) VALUES (${marks(10 + figureColumns.length)})`;
const updateSql = `UPDATE audit SET ended_at = ?,
  ${figureColumns.map((column) => `${column} = ${column} + ?`).join(", ")} WHERE no = ?`;
const lastSql = `SELECT no, started_at FROM audit INDEXED BY audit_key_kind
  WHERE account = ? AND key = ? AND kind = ? ORDER BY no DESC LIMIT 1`;
const hourSql = `INSERT INTO audit_hours (account, hour, key, kind, n, ${figureColumns.join(", ")})
  VALUES (${marks(5 + figureColumns.length)})
  ON CONFLICT DO UPDATE SET n = n + excluded.n, ${added.join(", ")}`;
const reasonSql = `INSERT INTO audit_reasons (no, reason, n) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET n = n + excluded.n`;
const hourReasonSql = `INSERT INTO audit_hour_reasons (account, hour, key, reason, n)
  VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n`;

export class AuditWriter {
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #rows: RowNumbers;
  readonly #counts: Tally;
  /** Of groups that are taken but not written. */
  #waiting: AuditOutput[] = [];
  /** Of the group that is being written. */
  #group: AuditOutput[] = [];

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
    this.#rows = new RowNumbers(statements, "audit");
    const columns = ["account", "key", "kind"];
    this.#counts = new Tally(statements, { table: "audit_counts", columns });
  }

  /** Facts are taken that are not in the file. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Takes a group of nothing but facts without writing it; false when it holds anything else, or
   * when writing is due. Facts of entries up to `afterSeq` are taken already.
   */
  defer(outputs: readonly Output[], afterSeq: number): boolean {
    if (outputs.at(-1)?.kind !== "audit") return false;
    const facts = outputs.filter((output) => output.kind === "audit");
    const first = this.#waiting[0] ?? facts[0];
    const last = facts.at(-1);
    if (first === undefined || last === undefined || facts.length < outputs.length) return false;
    if (last.at - first.at >= waitingMsMax) return false;
    if (facts.length + this.#waiting.length > waitingMax) return false;
    for (const fact of facts) if (fact.position.seq > afterSeq) this.#waiting.push(fact);
    return true;
  }

  add(fact: AuditOutput): void {
    this.#group.push(fact);
  }

  /** Writes what waits and what the group added, within the caller's transaction. */
  finishGroup(): void {
    for (const row of this.#merged().values()) this.#write(row);
    this.#counts.write();
  }

  /** The transaction is committed. */
  written(): void {
    this.#waiting = [];
    this.#group = [];
  }

  /** After a rollback: what waited goes on waiting, the group may come again. */
  forget(): void {
    this.#group = [];
    this.#counts.forget();
    this.#rows.reload();
  }

  /** After a reset. */
  empty(): void {
    this.#waiting = [];
  }

  #merged(): ReadonlyMap<string, Row> {
    const rows = new Map<string, Row>();
    for (const fact of [...this.#waiting, ...this.#group]) {
      const name = rowName(fact);
      let row = rows.get(name);
      if (row === undefined) {
        row = this.#rowOf(fact);
        rows.set(name, row);
      }
      row.endedAt = fact.at;
      for (const [place, figure] of figureNames.entries()) {
        row.figures[place] = (row.figures[place] ?? 0) + fact.figures[figure];
      }
      for (const [reason, n] of fact.rejectedByReason) {
        const no = this.#names.findOrAdd(reason);
        row.reasons.set(no, (row.reasons.get(no) ?? 0) + n);
      }
    }
    return rows;
  }

  #rowOf({ position, accountId, meterKey, event, at, discarded }: AuditOutput): Row {
    return {
      position,
      account: this.#names.findOrAdd(accountId),
      key: this.#names.findOrAdd(meterKey),
      kind: auditEvents.indexOf(event),
      startedAt: at,
      endedAt: at,
      figures: figureNames.map(() => 0),
      reasons: new Map(),
      discarded: discarded === null ? null : JSON.stringify(discarded),
    };
  }

  #write(row: Row): void {
    const { account, key, kind, figures, reasons } = row;
    const goesOn = this.#begunRow(row);
    const no = goesOn ?? this.#insert(row);
    if (goesOn !== null) this.#statements.prepare(updateSql).run(row.endedAt, ...figures, no);
    const hour = Math.floor(row.startedAt / millisecondsPerHour);
    const rows = goesOn === null ? 1 : 0;
    this.#statements.prepare(hourSql).run(account, hour, key, kind, rows, ...figures);
    for (const [reason, n] of reasons) {
      this.#statements.prepare(reasonSql).run(no, reason, n);
      this.#statements.prepare(hourReasonSql).run(account, hour, key, reason, n);
    }
  }

  /** The row that was begun in the same second and goes on, or null. */
  #begunRow({ account, key, kind, startedAt, discarded }: Row): number | null {
    if (discarded !== null) return null;
    const last = this.#statements.row(lastSql, [account, key, kind]);
    if (last === undefined || secondOf(integerOf(last[1])) !== secondOf(startedAt)) return null;
    return integerOf(last[0]);
  }

  #insert(row: Row): number {
    const no = this.#rows.next;
    const { position, account, key, kind, startedAt, endedAt, figures, discarded } = row;
    const { partition, seq, index } = position;
    const place = [no, partition, seq, index, account, key, kind, startedAt, endedAt];
    this.#statements.prepare(insertSql).run(...place, ...figures, discarded);
    this.#rows.took(position);
    this.#counts.add(1, [account, key, kind]);
    return no;
  }
}

function secondOf(at: EpochMs): number {
  return Math.floor(at / millisecondsPerRow);
}

/** What deleted meters had counted stands alone; everything else is merged. */
function rowName({ accountId, meterKey, event, at, position, discarded }: AuditOutput): string {
  const place = `${accountId} ${meterKey} ${event}`;
  return discarded === null ? `${place} ${secondOf(at)}` : `${place} ${positionText(position)}`;
}
