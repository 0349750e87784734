// The usage audit as listed: rows in order of position, which is the order of time too. Totals come
// from counts kept beside the rows; of a range of time, the whole hours in it are added up from the
// roll-up and only its two ends are counted.
import {
  type AuditEvent,
  type AuditFigures,
  auditEvents,
  type Discarded,
  positionText,
} from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { assert } from "../core/problem.ts";
import { figureColumns, figureNames } from "./audit-schema.ts";
import { millisecondsPerHour } from "./audit-writer.ts";
import type { ListedRows, Matching } from "./cursor-list.ts";
import type { Names } from "./names.ts";
import { NumberedRows, type RowRange } from "./numbered-rows.ts";
import {
  integerOf,
  type Row,
  type Statements,
  textOf,
  textOrNullOf,
  whereOf,
} from "./statements.ts";

/** Filters are exact and joined by AND; `from` and `to` are half-open on the start. */
export interface AuditFilter {
  readonly accountId: string;
  readonly meterKey?: string | undefined;
  readonly kind?: AuditEvent | undefined;
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
}

export interface AuditRow {
  /** Position of its first fact, as text. */
  readonly id: string;
  readonly meterKey: string;
  readonly kind: AuditEvent;
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs;
  readonly figures: AuditFigures;
  readonly rejectedByReason: Readonly<Record<string, number>>;
  readonly discarded: Discarded | null;
}

const rowSql = `SELECT partition, seq, idx, k.name, kind, started_at, ended_at, discarded,
    ${figureColumns.join(", ")}
  FROM audit a JOIN names k ON k.no = a.key WHERE a.no = ?`;
const reasonsSql = `SELECT name, n FROM audit_reasons r JOIN names ON names.no = r.reason
  WHERE r.no = ? ORDER BY name`;

export class AuditRows implements ListedRows<AuditFilter, AuditRow> {
  readonly list = "usage-audit";
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #numbered: NumberedRows<AuditRow>;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
    this.#numbered = new NumberedRows(statements, "audit", (no) => this.#rowOf(no));
  }

  match(filter: AuditFilter): Matching<AuditRow> | null {
    const numbers = findAuditFilter(this.#names, filter);
    if (numbers === null) return null;
    const { account, key, kind } = numbers;
    const where = whereOf([
      ["account = ?", account],
      ["key = ?", key],
      ["kind = ?", kind],
    ]);
    const byKey = key === undefined ? "" : "_key";
    const byKind = kind === undefined ? "" : "_kind";
    const index = byKey + byKind === "" ? "audit_account" : `audit${byKey}${byKind}`;
    const { from, to } = filter;
    const firstNo = from === undefined ? 1 : this.#noAt(from);
    const lastNo = to === undefined ? this.#numbered.newest() : this.#noAt(to) - 1;
    const range = { where, index, firstNo, lastNo };
    return this.#numbered.matching(range, () => this.#total(filter, range));
  }

  /** The number of the first row that started then or later, or of the next row to come. */
  #noAt(at: EpochMs): number {
    const sql = `SELECT no FROM audit INDEXED BY audit_started WHERE started_at >= ?
      ORDER BY started_at, no LIMIT 1`;
    const row = this.#statements.row(sql, [at]);
    return row === undefined ? this.#numbered.newest() + 1 : integerOf(row[0]);
  }

  #total({ from, to }: AuditFilter, range: RowRange): number {
    const { sql, values } = range.where;
    if (from === undefined && to === undefined) {
      return this.#statements.integer(`SELECT sum(n) FROM audit_counts WHERE ${sql}`, values);
    }
    const firstHour = Math.ceil((from ?? 0) / millisecondsPerHour);
    const endHour = Math.floor((to ?? Number.MAX_SAFE_INTEGER) / millisecondsPerHour);
    if (firstHour >= endHour) return this.#numbered.count(range);
    const hours = `SELECT sum(n) FROM audit_hours WHERE ${sql} AND hour >= ? AND hour < ?`;
    const whole = this.#statements.integer(hours, [...values, firstHour, endHour]);
    const before = this.#noAt(firstHour * millisecondsPerHour) - 1;
    const after = to === undefined ? range.lastNo + 1 : this.#noAt(endHour * millisecondsPerHour);
    const ahead = from === undefined ? 0 : this.#numbered.count({ ...range, lastNo: before });
    return ahead + whole + this.#numbered.count({ ...range, firstNo: after });
  }

  #rowOf(no: number): AuditRow {
    const row = this.#statements.row(rowSql, [no]) ?? [];
    const kind = auditEvents[integerOf(row[4])];
    assert(kind !== undefined, "the projection holds a known kind here");
    const [partition = 0, seq = 0, index = 0] = row.slice(0, 3).map(integerOf);
    const figures = figuresOf(row, firstFigure);
    const discarded = textOrNullOf(row[7]);
    const reasons = figures.rejected === 0 ? [] : this.#statements.rows(reasonsSql, [no]);
    return {
      id: positionText({ partition, seq, index }),
      meterKey: textOf(row[3]),
      kind,
      startedAt: integerOf(row[5]),
      endedAt: integerOf(row[6]),
      figures,
      rejectedByReason: reasonsOf(reasons),
      discarded: discarded === null ? null : JSON.parse(discarded),
    };
  }
}

/** Column of the first figure. */
const firstFigure = 8;

/** Numbers of what the filter names; null where it names what no row has. */
export function findAuditFilter(
  names: Names,
  { accountId, meterKey, kind }: AuditFilter,
): {
  readonly account: number;
  readonly key: number | undefined;
  readonly kind: number | undefined;
} | null {
  const account = names.find(accountId);
  const key = names.findGiven(meterKey);
  if (account === undefined || key === null) return null;
  return { account, key, kind: kind === undefined ? undefined : auditEvents.indexOf(kind) };
}

/** The figures in a row that has them in their order from column `first` on. */
export function figuresOf(row: Row, first: number): AuditFigures {
  const figures = figureNames.map((name, place) => [name, integerOf(row[first + place])]);
  return Object.fromEntries(figures) as Record<keyof AuditFigures, number>;
}

export function reasonsOf(rows: readonly Row[]): Readonly<Record<string, number>> {
  return Object.fromEntries(rows.map((row) => [textOf(row[0]), integerOf(row[1])]));
}
