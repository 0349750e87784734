// The usage audit as it goes out: members of a row and of an hour, as JSON and as CSV. Columns are
// the members, in their order; members that hold objects are JSON text there.
import { writeJson } from "../core/json.ts";
import { ExactNumber, type JsonObject, member } from "../core/json-value.ts";
import type { AuditFigures, Discarded } from "../core/output.ts";
import { formatInstant } from "../core/time.ts";
import { csvCell, csvLine } from "./csv.ts";
import type { AuditHour, AuditRow } from "./listings.ts";

const hourMs = 3_600_000;

const figureColumns = [
  "requests",
  "received",
  "counted",
  "duplicates",
  "conflicts",
  "rejected",
  "rejectedByReason",
  "dropped",
  "repeated",
  "superseded",
  "meteredRecords",
  "thresholdEvents",
  "reprocessed",
] as const;
const rowColumns = [
  "id",
  "meterKey",
  "kind",
  "startedAt",
  "endedAt",
  ...figureColumns,
  "discarded",
];
const hourColumns = ["meterKey", "from", "to", "rows", ...figureColumns, "deletedMeters"];

export const auditRowCsvHeader: string = csvLine(rowColumns);
export const auditHourCsvHeader: string = csvLine(hourColumns);

export function auditRowText(row: AuditRow): string {
  return writeJson(rowDocument(row));
}

export function auditHourText(hour: AuditHour): string {
  return writeJson(hourDocument(hour));
}

export function auditRowCsv(row: AuditRow): string {
  return csvOf(rowDocument(row), rowColumns);
}

export function auditHourCsv(hour: AuditHour): string {
  return csvOf(hourDocument(hour), hourColumns);
}

function csvOf(document: JsonObject, columns: readonly string[]): string {
  return csvLine(columns.map((column) => csvCell(member(document, column))));
}

function rowDocument(row: AuditRow): JsonObject {
  return {
    id: row.id,
    meterKey: row.meterKey,
    kind: row.kind,
    startedAt: formatInstant(row.startedAt),
    endedAt: formatInstant(row.endedAt),
    ...figuresDocument(row.figures, row.rejectedByReason),
    discarded: row.discarded === null ? null : discardedDocument(row.discarded),
  };
}

function hourDocument(hour: AuditHour): JsonObject {
  return {
    meterKey: hour.meterKey,
    from: formatInstant(hour.from),
    to: formatInstant(hour.from + hourMs),
    rows: hour.rows,
    ...figuresDocument(hour.figures, hour.rejectedByReason),
    deletedMeters: hour.deletedMeters,
  };
}

/** Conflicts are the rejections of one reason, shown by themselves too. */
function figuresDocument(
  figures: AuditFigures,
  rejectedByReason: Readonly<Record<string, number>>,
): JsonObject {
  const { requests, received, counted, duplicates, ...rest } = figures;
  const { rejected, ...others } = rest;
  const conflicts = rejectedByReason.ID_CONFLICT ?? 0;
  const arrived = { requests, received, counted, duplicates };
  return { ...arrived, conflicts, rejected, rejectedByReason, ...others };
}

function discardedDocument({ value, periodStart, ...rest }: Discarded): JsonObject {
  return {
    ...rest,
    periodStart: formatInstant(periodStart),
    value: new ExactNumber(value),
    valueExact: value,
  };
}
