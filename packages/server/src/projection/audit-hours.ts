// The roll-up of the usage audit: what the rows of one processor and one hour add up to. It is kept
// beside the rows, so no list of hours walks them. Hours start on the full hour of UTC.
import { type AuditFigures, auditEvents, type Position } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { type AuditFilter, figuresOf, findAuditFilter, reasonsOf } from "./audit-list.ts";
import { figureColumns } from "./audit-schema.ts";
import { millisecondsPerHour } from "./audit-writer.ts";
import type { SortOrder } from "./cursor.ts";
import type { Found, ListedRows, Matching, Step } from "./cursor-list.ts";
import type { Names } from "./names.ts";
import { integerOf, type Row, type Statements, textOf, type Where, whereOf } from "./statements.ts";

export interface AuditHour {
  readonly meterKey: string;
  /** First instant of the hour. */
  readonly from: EpochMs;
  /** Rows of the audit that it adds up. */
  readonly rows: number;
  /** Of these, meters that were deleted. */
  readonly deletedMeters: number;
  readonly figures: AuditFigures;
  readonly rejectedByReason: Readonly<Record<string, number>>;
}

/** A row's place: hours ascend, and within one the numbers of the keys. */
interface Place {
  readonly hour: number;
  readonly key: number;
}

interface Plan {
  readonly account: number;
  readonly key: number | undefined;
  readonly kind: number | undefined;
  readonly firstHour: number;
  /** Exclusive. */
  readonly endHour: number;
}

const deletion = auditEvents.indexOf("delete-meter");
/** The only kind with reasons. */
const ingest = auditEvents.indexOf("ingest");
const summed = [`iif(kind = ${deletion}, n, 0)`, "n", ...figureColumns];
const sums = summed.map((column) => `sum(${column})`).join(", ");
const reasonsSql = `SELECT name, n FROM audit_hour_reasons r JOIN names ON names.no = r.reason
  WHERE account = ? AND hour = ? AND key = ? ORDER BY name`;

export class AuditHours implements ListedRows<AuditFilter, AuditHour> {
  readonly list = "usage-audit-hours";
  readonly #statements: Statements;
  readonly #names: Names;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
  }

  match(filter: AuditFilter): Matching<AuditHour> | null {
    const numbers = findAuditFilter(this.#names, filter);
    if (numbers === null) return null;
    const firstHour = Math.ceil((filter.from ?? 0) / millisecondsPerHour);
    const endHour = Math.ceil((filter.to ?? Number.MAX_SAFE_INTEGER) / millisecondsPerHour);
    const plan = { ...numbers, firstHour, endHour };
    return { total: () => this.#total(plan), walk: (step) => this.#walk(plan, step) };
  }

  #walk(plan: Plan, { after, sortOrder, limit, skip }: Step): readonly Found<AuditHour>[] {
    const where = this.#where(plan, after === null ? null : placeAt(after), sortOrder);
    const order = sortOrder === "ASC" ? "ASC" : "DESC";
    const sql = `SELECT hour, h.key, k.name, ${sums}
      FROM audit_hours h JOIN names k ON k.no = h.key WHERE ${where.sql}
      GROUP BY hour, h.key ORDER BY hour ${order}, h.key ${order} LIMIT ? OFFSET ?`;
    return this.#statements.rows(sql, [...where.values, limit, skip]).map((row) => ({
      position: () => positionOf(placeOf(row)),
      read: () => this.#rowOf(plan, row),
    }));
  }

  #total(plan: Plan): number {
    const { sql, values } = this.#where(plan, null, "ASC");
    const text = `SELECT count(*) FROM (SELECT DISTINCT hour, key FROM audit_hours WHERE ${sql})`;
    return this.#statements.integer(text, values);
  }

  /** After a place: hours from its own on, and within its own only later keys. */
  #where(
    { account, key, kind, firstHour, endHour }: Plan,
    after: Place | null,
    sortOrder: SortOrder,
  ): Where {
    const isUp = sortOrder === "ASC";
    const first = after !== null && isUp ? Math.max(firstHour, after.hour) : firstHour;
    const end = after !== null && !isUp ? Math.min(endHour, after.hour + 1) : endHour;
    const { sql, values } = whereOf([
      ["account = ?", account],
      ["hour >= ?", first],
      ["hour < ?", end],
      ["key = ?", key],
      ["kind = ?", kind],
    ]);
    if (after === null) return { sql, values };
    const beyond = `${sql} AND (hour, key) ${isUp ? ">" : "<"} (?, ?)`;
    return { sql: beyond, values: [...values, after.hour, after.key] };
  }

  #rowOf({ account, kind }: Plan, row: Row): AuditHour {
    const { hour, key } = placeOf(row);
    const figures = figuresOf(row, firstFigure);
    const hasReasons = figures.rejected > 0 && (kind === undefined || kind === ingest);
    const reasons = hasReasons ? this.#statements.rows(reasonsSql, [account, hour, key]) : [];
    return {
      meterKey: textOf(row[2]),
      from: hour * millisecondsPerHour,
      rows: integerOf(row[4]),
      deletedMeters: integerOf(row[3]),
      figures,
      rejectedByReason: reasonsOf(reasons),
    };
  }
}

/** Column of the first figure. */
const firstFigure = 5;

/** As cursors hold places. */
function positionOf({ hour, key }: Place): Position {
  return { partition: 0, seq: hour, index: key };
}

function placeAt({ seq, index }: Position): Place {
  return { hour: seq, key: index };
}

function placeOf(row: Row): Place {
  return { hour: integerOf(row[0]), key: integerOf(row[1]) };
}
