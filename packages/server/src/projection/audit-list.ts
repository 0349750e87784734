// The usage audit as listed: rows in order of position, which is the order of time too. Totals come
// from counts kept beside the rows; of a range of time, the whole hours in it are added up from the
// roll-up and only its two ends are counted.
import { pageItemsMax } from "../core/limits.ts";
import {
  type AuditEvent,
  type AuditFigures,
  auditEvents,
  type Discarded,
  type Position,
  positionText,
} from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { assert, type Fault, ok, type Result } from "../core/problem.ts";
import { figureColumns, figureNames } from "./audit-schema.ts";
import { millisecondsPerHour } from "./audit-writer.ts";
import { readCursor, type SortOrder, writeCursor } from "./cursor.ts";
import type { Names } from "./names.ts";
import {
  assertPage,
  integerOf,
  type Row,
  type Statements,
  textOf,
  textOrNullOf,
  type Where,
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

export interface AuditPageQuery {
  /** 1 to `pageItemsMax`. */
  readonly limit: number;
  readonly skip: number;
  readonly sortOrder: SortOrder;
  readonly cursor?: string | undefined;
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

export interface AuditPage {
  readonly rows: readonly AuditRow[];
  /** Rows that match the filter, wherever the cursor stands. */
  readonly total: number;
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** Rows of one chunk of a stream. */
const chunkRowsMax = 250;

/** Which rows match, and how to walk to them; row numbers inclusive. */
interface Plan {
  readonly where: Where;
  readonly index: string;
  readonly firstNo: number;
  readonly lastNo: number;
}

const columns = `a.no, partition, seq, idx, k.name, kind, started_at, ended_at,
  ${figureColumns.join(", ")}, discarded`;
const reasonsSql = `SELECT name, n FROM audit_reasons r JOIN names ON names.no = r.reason
  WHERE r.no = ? ORDER BY name`;

export class AuditList {
  readonly #statements: Statements;
  readonly #names: Names;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
  }

  list(filter: AuditFilter, page: AuditPageQuery): Result<AuditPage, Fault> {
    assertPage(page.limit, page.skip, pageItemsMax);
    const { sortOrder, limit, skip } = page;
    const scope = { list: "usage-audit", accountId: filter.accountId, sortOrder } as const;
    const place = page.cursor === undefined ? null : readCursor(scope, page.cursor);
    if (place !== null && !place.ok) return place;
    const plan = this.#plan(filter);
    if (plan === null) return ok({ rows: [], total: 0, nextCursor: null });
    const total = this.#total(filter, plan);
    const rest = place === null ? plan : this.#beyond(plan, place.value, sortOrder);
    const found = this.#walk(rest, sortOrder, { limit: limit + 1, skip });
    const shown = found.slice(0, limit);
    const last = found.length > limit ? shown.at(-1) : undefined;
    const nextCursor = last === undefined ? null : writeCursor(scope, positionOf(last));
    return ok({ rows: shown.map((row) => this.#rowOf(row)), total, nextCursor });
  }

  /** Everything that matches now, in chunks; `check` runs before each and may throw. */
  stream(
    filter: AuditFilter,
    sortOrder: SortOrder,
    check: () => void,
  ): Iterable<readonly AuditRow[]> {
    const plan = this.#plan(filter);
    return plan === null ? [] : this.#chunks(plan, sortOrder, check);
  }

  *#chunks(plan: Plan, sortOrder: SortOrder, check: () => void): Generator<readonly AuditRow[]> {
    let rest = plan;
    while (rest.firstNo <= rest.lastNo) {
      check();
      const found = this.#walk(rest, sortOrder, { limit: chunkRowsMax, skip: 0 });
      const last = found.at(-1);
      if (last === undefined) return;
      const no = integerOf(last[0]);
      rest = sortOrder === "ASC" ? { ...rest, firstNo: no + 1 } : { ...rest, lastNo: no - 1 };
      yield found.map((row) => this.#rowOf(row));
    }
  }

  #plan({ accountId, meterKey, kind, from, to }: AuditFilter): Plan | null {
    const account = this.#names.find(accountId);
    const key = meterKey === undefined ? undefined : this.#names.find(meterKey);
    if (account === undefined || (meterKey !== undefined && key === undefined)) return null;
    const where = whereOf([
      ["account = ?", account],
      ["key = ?", key],
      ["kind = ?", kind === undefined ? undefined : auditEvents.indexOf(kind)],
    ]);
    const byKey = key === undefined ? "" : "_key";
    const byKind = kind === undefined ? "" : "_kind";
    const index = byKey + byKind === "" ? "audit_account" : `audit${byKey}${byKind}`;
    const firstNo = from === undefined ? 1 : this.#noAt(from);
    const lastNo = to === undefined ? this.#noAt(null) - 1 : this.#noAt(to) - 1;
    return { where, index, firstNo, lastNo };
  }

  /** The number of the first row that started then or later, or of the next row to come. */
  #noAt(at: EpochMs | null): number {
    const sql = `SELECT no FROM audit INDEXED BY audit_started WHERE started_at >= ?
      ORDER BY started_at, no LIMIT 1`;
    const row = at === null ? undefined : this.#statements.row(sql, [at]);
    if (row !== undefined) return integerOf(row[0]);
    return this.#statements.integer("SELECT max(no) FROM audit", []) + 1;
  }

  #total({ from, to }: AuditFilter, plan: Plan): number {
    const { sql, values } = plan.where;
    if (from === undefined && to === undefined) {
      return this.#statements.integer(`SELECT sum(n) FROM audit_counts WHERE ${sql}`, values);
    }
    const firstHour = Math.ceil((from ?? 0) / millisecondsPerHour);
    const endHour = Math.floor((to ?? Number.MAX_SAFE_INTEGER) / millisecondsPerHour);
    if (firstHour >= endHour) return this.#count(plan, plan.firstNo, plan.lastNo);
    const hours = `SELECT sum(n) FROM audit_hours WHERE ${sql} AND hour >= ? AND hour < ?`;
    const whole = this.#statements.integer(hours, [...values, firstHour, endHour]);
    const before = this.#noAt(firstHour * millisecondsPerHour) - 1;
    const after = to === undefined ? plan.lastNo + 1 : this.#noAt(endHour * millisecondsPerHour);
    const ahead = from === undefined ? 0 : this.#count(plan, plan.firstNo, before);
    return ahead + whole + this.#count(plan, after, plan.lastNo);
  }

  #count({ where, index }: Plan, firstNo: number, lastNo: number): number {
    if (firstNo > lastNo) return 0;
    const sql = `SELECT count(*) FROM audit INDEXED BY ${index}
      WHERE ${where.sql} AND no BETWEEN ? AND ?`;
    return this.#statements.integer(sql, [...where.values, firstNo, lastNo]);
  }

  #walk(
    { where, index, firstNo, lastNo }: Plan,
    sortOrder: SortOrder,
    { limit, skip }: { readonly limit: number; readonly skip: number },
  ): readonly Row[] {
    const order = sortOrder === "ASC" ? "ASC" : "DESC";
    const sql = `SELECT ${columns} FROM audit a INDEXED BY ${index} JOIN names k ON k.no = a.key
      WHERE ${where.sql} AND a.no BETWEEN ? AND ? ORDER BY a.no ${order} LIMIT ? OFFSET ?`;
    return this.#statements.rows(sql, [...where.values, firstNo, lastNo, limit, skip]);
  }

  /** The rows after a position in this direction; the row at it need not exist any more. */
  #beyond(plan: Plan, { partition, seq, index }: Position, sortOrder: SortOrder): Plan {
    const sql = `SELECT no FROM audit
      WHERE (partition, seq, idx) ${sortOrder === "ASC" ? "<=" : "<"} (?, ?, ?)
      ORDER BY partition DESC, seq DESC, idx DESC LIMIT 1`;
    const before = this.#statements.integer(sql, [partition, seq, index]);
    return sortOrder === "ASC"
      ? { ...plan, firstNo: Math.max(plan.firstNo, before + 1) }
      : { ...plan, lastNo: Math.min(plan.lastNo, before) };
  }

  #rowOf(row: Row): AuditRow {
    const kind = auditEvents[integerOf(row[5])];
    assert(kind !== undefined, "the projection holds a known kind here");
    const figures = figuresOf(row, firstFigure);
    const discarded = textOrNullOf(row.at(-1));
    const reasons =
      figures.rejected === 0 ? [] : this.#statements.rows(reasonsSql, [integerOf(row[0])]);
    return {
      id: positionText(positionOf(row)),
      meterKey: textOf(row[4]),
      kind,
      startedAt: integerOf(row[6]),
      endedAt: integerOf(row[7]),
      figures,
      rejectedByReason: reasonsOf(reasons),
      discarded: discarded === null ? null : JSON.parse(discarded),
    };
  }
}

/** Column of the first figure. */
const firstFigure = 8;

function positionOf(row: Row): Position {
  return { partition: integerOf(row[1]), seq: integerOf(row[2]), index: integerOf(row[3]) };
}

/** The figures in a row that has them in their order from column `first` on. */
export function figuresOf(row: Row, first: number): AuditFigures {
  const figures = figureNames.map((name, place) => [name, integerOf(row[first + place])]);
  return Object.fromEntries(figures) as Record<keyof AuditFigures, number>;
}

export function reasonsOf(rows: readonly Row[]): Readonly<Record<string, number>> {
  return Object.fromEntries(rows.map((row) => [textOf(row[0]), integerOf(row[1])]));
}
