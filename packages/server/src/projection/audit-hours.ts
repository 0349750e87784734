// The roll-up of the usage audit: what the rows of one processor and one hour add up to. It is kept
// beside the rows, so no list of hours walks them. Hours start on the full hour of UTC.
import { pageItemsMax } from "../core/limits.ts";
import { type AuditFigures, auditEvents, type Position } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { type Fault, ok, type Result } from "../core/problem.ts";
import { type AuditFilter, type AuditPageQuery, figuresOf, reasonsOf } from "./audit-list.ts";
import { figureColumns } from "./audit-schema.ts";
import { millisecondsPerHour } from "./audit-writer.ts";
import { readCursor, type SortOrder, writeCursor } from "./cursor.ts";
import type { Names } from "./names.ts";
import {
  assertPage,
  integerOf,
  type Row,
  type Statements,
  textOf,
  type Where,
  whereOf,
} from "./statements.ts";

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

export interface AuditHourPage {
  readonly rows: readonly AuditHour[];
  readonly total: number;
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** Hours of one chunk of a stream. */
const chunkRowsMax = 200;

/** A row's place: hours ascend, and within one the numbers of the keys. */
interface Place {
  readonly hour: number;
  readonly key: number;
}

interface Walk extends Omit<AuditPageQuery, "cursor"> {
  readonly after: Place | null;
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

export class AuditHourList {
  readonly #statements: Statements;
  readonly #names: Names;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
  }

  list(filter: AuditFilter, page: AuditPageQuery): Result<AuditHourPage, Fault> {
    assertPage(page.limit, page.skip, pageItemsMax);
    const { sortOrder, limit, skip } = page;
    const scope = { list: "usage-audit-hours", accountId: filter.accountId, sortOrder } as const;
    const read = page.cursor === undefined ? null : readCursor(scope, page.cursor);
    if (read !== null && !read.ok) return read;
    const plan = this.#plan(filter);
    if (plan === null) return ok({ rows: [], total: 0, nextCursor: null });
    const after = read === null ? null : { hour: read.value.seq, key: read.value.index };
    const found = this.#walk(plan, { sortOrder, after, limit: limit + 1, skip });
    const shown = found.slice(0, limit);
    const last = found.length > limit ? shown.at(-1) : undefined;
    const nextCursor = last === undefined ? null : writeCursor(scope, positionOf(placeOf(last)));
    return ok({
      rows: shown.map((row) => this.#rowOf(plan, row)),
      total: this.#total(plan),
      nextCursor,
    });
  }

  /** Everything that matches, in chunks; `check` runs before each and may throw. */
  stream(
    filter: AuditFilter,
    sortOrder: SortOrder,
    check: () => void,
  ): Iterable<readonly AuditHour[]> {
    const plan = this.#plan(filter);
    return plan === null ? [] : this.#chunks(plan, sortOrder, check);
  }

  *#chunks(plan: Plan, sortOrder: SortOrder, check: () => void): Generator<readonly AuditHour[]> {
    let after: Place | null = null;
    for (;;) {
      check();
      const found = this.#walk(plan, { sortOrder, after, limit: chunkRowsMax, skip: 0 });
      const last = found.at(-1);
      if (last === undefined) return;
      after = placeOf(last);
      yield found.map((row) => this.#rowOf(plan, row));
    }
  }

  #plan({ accountId, meterKey, kind, from, to }: AuditFilter): Plan | null {
    const account = this.#names.find(accountId);
    const key = meterKey === undefined ? undefined : this.#names.find(meterKey);
    if (account === undefined || (meterKey !== undefined && key === undefined)) return null;
    return {
      account,
      key,
      kind: kind === undefined ? undefined : auditEvents.indexOf(kind),
      firstHour: Math.ceil((from ?? 0) / millisecondsPerHour),
      endHour: Math.ceil((to ?? Number.MAX_SAFE_INTEGER) / millisecondsPerHour),
    };
  }

  #walk(plan: Plan, { sortOrder, after, limit, skip }: Walk): readonly Row[] {
    const where = this.#where(plan, after, sortOrder);
    const order = sortOrder === "ASC" ? "ASC" : "DESC";
    const sql = `SELECT hour, h.key, k.name, ${sums}
      FROM audit_hours h JOIN names k ON k.no = h.key WHERE ${where.sql}
      GROUP BY hour, h.key ORDER BY hour ${order}, h.key ${order} LIMIT ? OFFSET ?`;
    return this.#statements.rows(sql, [...where.values, limit, skip]);
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

function placeOf(row: Row): Place {
  return { hour: integerOf(row[0]), key: integerOf(row[1]) };
}
