// Stores the usage audit. Facts of one processor and kind that share a second of the clock make one
// row, whatever groups they came in, so that a rebuild gives the same rows. Groups that hold nothing
// but facts wait here for each other, up to a second: until they are written the file does not
// count them as applied, so the journal makes them again after a crash.
import { type AuditOutput, auditEvents, type Output, positionText } from "../core/output.ts";
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
/** Rows that may wait. */
const waitingRowsMax = 10_000;

/** Facts that make one row. */
interface Row {
  readonly first: AuditOutput;
  endedAt: EpochMs;
  /** In the order of `figureNames`. */
  readonly figures: number[];
  /** By reason; null without any. */
  reasons: Map<string, number> | null;
}

/** Where a row belongs, in the numbers of names. */
type Place = readonly [account: number, key: number, kind: number];

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
  /** Of groups that are taken but not written; since when. */
  readonly #waiting: Rows = new Rows();
  #waitingSince: EpochMs = 0;
  /** Of the group that is being written. */
  readonly #group: Rows = new Rows();

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
    this.#rows = new RowNumbers(statements, "audit");
    const columns = ["account", "key", "kind"];
    this.#counts = new Tally(statements, { table: "audit_counts", columns });
  }

  /** Facts are taken that are not in the file. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Takes a group of nothing but facts without writing it; false when it holds anything else, or
   * when writing is due. Facts of entries up to `afterSeq` are taken already.
   */
  defer(outputs: readonly Output[], afterSeq: number): boolean {
    const last = outputs.at(-1);
    if (last?.kind !== "audit" || this.#waiting.size >= waitingRowsMax) return false;
    const facts = outputs.filter((output) => output.kind === "audit");
    const [first] = facts;
    if (first === undefined || facts.length < outputs.length) return false;
    if (!this.isWaiting) this.#waitingSince = first.at;
    if (last.at - this.#waitingSince >= waitingMsMax) return false;
    for (const fact of facts) if (fact.position.seq > afterSeq) this.#waiting.add(fact);
    return true;
  }

  add(fact: AuditOutput): void {
    this.#group.add(fact);
  }

  /** Writes what waits and what the group added, within the caller's transaction. */
  finishGroup(): void {
    for (const row of this.#waiting) this.#write(row);
    for (const row of this.#group) this.#write(row);
    this.#counts.write();
  }

  /** The transaction is committed. */
  written(): void {
    this.#waiting.clear();
    this.#group.clear();
  }

  /** After a rollback: what waited goes on waiting, the group may come again. */
  forget(): void {
    this.#group.clear();
    this.#counts.forget();
    this.#rows.reload();
  }

  /** Ends a row that was begun in the same second, or inserts a new one. */
  #write(row: Row): void {
    const { first, figures, reasons } = row;
    const place = this.#placeOf(first);
    const [account, key, kind] = place;
    const goesOn = first.discarded === null ? this.#begunRow(place, first.at) : null;
    const no = goesOn ?? this.#insert(row, place);
    if (goesOn !== null) this.#statements.prepare(updateSql).run(row.endedAt, ...figures, no);
    const hour = Math.floor(first.at / millisecondsPerHour);
    const rows = goesOn === null ? 1 : 0;
    this.#statements.prepare(hourSql).run(account, hour, key, kind, rows, ...figures);
    for (const [name, n] of reasons ?? noReasons) {
      const reason = this.#names.findOrAdd(name);
      this.#statements.prepare(reasonSql).run(no, reason, n);
      this.#statements.prepare(hourReasonSql).run(account, hour, key, reason, n);
    }
  }

  #placeOf({ accountId, meterKey, event }: AuditOutput): Place {
    const account = this.#names.findOrAdd(accountId);
    return [account, this.#names.findOrAdd(meterKey), auditEvents.indexOf(event)];
  }

  #begunRow(place: Place, at: EpochMs): number | null {
    const last = this.#statements.row(lastSql, place);
    if (last === undefined || secondOf(integerOf(last[1])) !== secondOf(at)) return null;
    return integerOf(last[0]);
  }

  #insert({ first, endedAt, figures }: Row, place: Place): number {
    const no = this.#rows.next;
    const { position, at, discarded } = first;
    const { partition, seq, index } = position;
    const columns = [no, partition, seq, index, ...place, at, endedAt, ...figures];
    const text = discarded === null ? null : JSON.stringify(discarded);
    this.#statements.prepare(insertSql).run(...columns, text);
    this.#rows.took(position);
    this.#counts.add(1, place);
    return no;
  }
}

const noReasons: ReadonlyMap<string, number> = new Map();

/** Rows in the order of their first facts; what deleted meters had counted is never merged. */
class Rows {
  readonly #byName = new Map<string, Row>();
  /** The row of the last fact, which most often takes the next one too. */
  #last: Row | null = null;

  get size(): number {
    return this.#byName.size;
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.#byName.values();
  }

  add(fact: AuditOutput): void {
    const row = this.#rowFor(fact);
    this.#last = row;
    row.endedAt = fact.at;
    for (const [place, figure] of figureNames.entries()) {
      row.figures[place] = (row.figures[place] ?? 0) + fact.figures[figure];
    }
    if (fact.rejectedByReason.size === 0) return;
    row.reasons ??= new Map();
    for (const [reason, n] of fact.rejectedByReason) {
      row.reasons.set(reason, (row.reasons.get(reason) ?? 0) + n);
    }
  }

  clear(): void {
    this.#byName.clear();
    this.#last = null;
  }

  #rowFor(fact: AuditOutput): Row {
    if (this.#last !== null && isOfOneRow(this.#last.first, fact)) return this.#last;
    const name = rowName(fact);
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const figures = figureNames.map(() => 0);
    const row: Row = { first: fact, endedAt: fact.at, figures, reasons: null };
    this.#byName.set(name, row);
    return row;
  }
}

function isOfOneRow(a: AuditOutput, b: AuditOutput): boolean {
  if (a.meterKey !== b.meterKey || a.accountId !== b.accountId || a.event !== b.event) return false;
  return a.discarded === null && b.discarded === null && secondOf(a.at) === secondOf(b.at);
}

function secondOf(at: EpochMs): number {
  return Math.floor(at / millisecondsPerRow);
}

function rowName({ accountId, meterKey, event, at, position, discarded }: AuditOutput): string {
  const place = `${accountId} ${meterKey} ${event}`;
  return discarded === null ? `${place} ${secondOf(at)}` : `${place} ${positionText(position)}`;
}
