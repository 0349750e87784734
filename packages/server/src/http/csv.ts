// CSV (RFC 4180), of metered records first of all: a header line, then a line for each, CRLF at every
// end. Amounts keep all their digits, objects and arrays are JSON text, and no text of a caller can
// become a formula when the file is opened in a spreadsheet.
import { readJson, writeJson } from "../core/json.ts";
import {
  ExactNumber,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  member,
} from "../core/json-value.ts";
import { assert } from "../core/problem.ts";

/** Columns in order, each with the member that it shows. */
type Columns = readonly (readonly [column: string, path: readonly string[]])[];

/** Of the meter that metered records and threshold events show. */
const meterColumns: Columns = [
  ["meterId", ["id"]],
  ["meterTypeId", ["meterTypeId"]],
  ["meterTypeName", ["meterTypeName"]],
  ["meterKey", ["meterKey"]],
  ["userId", ["userId"]],
  ["value", ["value"]],
  ["unit", ["unit"]],
  ["periodStart", ["periodStart"]],
  ["periodEnd", ["periodEnd"]],
  ["timezone", ["timezone"]],
  ["emittedAt", ["emittedAt"]],
  ["updatedAt", ["updatedAt"]],
  ["createdAt", ["createdAt"]],
  ["deleteOnReset", ["deleteOnReset"]],
  ["count", ["meterMetaData", "count"]],
  ["groups", ["groups"]],
  ["carryFirst", ["carryFirst"]],
  ["carryLast", ["carryLast"]],
  ["customFields", ["customFields"]],
  ["capacity", ["capacity"]],
  ["thresholds", ["thresholds"]],
  ["firstEvent", ["meterMetaData", "firstEvent"]],
  ["lastEvent", ["meterMetaData", "lastEvent"]],
];

const recordColumns: Columns = [["recordId", ["recordId"]], ...meterColumns];
const eventColumns: Columns = [
  ["eventId", ["eventId"]],
  ["threshold", ["thresholdReached", "name"]],
  ["capacityPercentage", ["thresholdReached", "capacityPercentage"]],
  ["absoluteValue", ["thresholdReached", "absoluteValue"]],
  ["thresholdCustomFields", ["thresholdReached", "customFields"]],
  ...meterColumns,
];

/** With its line end. */
export const csvHeader: string = headerOf(recordColumns);
export const thresholdCsvHeader: string = headerOf(eventColumns);

/** The line of a record that is given as its JSON text, with its line end. */
export function csvRecord(json: string): string {
  return lineOf(json, recordColumns);
}

/** The line of a threshold event that is given as its JSON text, with its line end. */
export function thresholdCsv(json: string): string {
  return lineOf(json, eventColumns);
}

/** Both by the kind of output, for whoever writes files of them. */
export const outputsCsv: Readonly<
  Record<"metered-record" | "threshold-event", { header: string; line: (json: string) => string }>
> = {
  "metered-record": { header: csvHeader, line: csvRecord },
  "threshold-event": { header: thresholdCsvHeader, line: thresholdCsv },
};

function headerOf(columns: Columns): string {
  return csvLine(columns.map(([column]) => column));
}

function lineOf(json: string, columns: Columns): string {
  const read = readJson(json);
  assert(read.ok && isJsonObject(read.value), "an output is a JSON object");
  const output = read.value;
  return csvLine(columns.map(([, path]) => csvCell(memberAt(output, path))));
}

/** Quotes what needs it; a quotation mark in a quoted cell is doubled. With its line end. */
export function csvLine(cells: readonly string[]): string {
  const quoted = cells.map((cell) =>
    /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell,
  );
  return `${quoted.join(",")}\r\n`;
}

/** Numbers as they are, also negative ones: only texts can carry a formula. */
export function csvCell(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return "";
  if (value instanceof ExactNumber) return value.text;
  if (typeof value === "string") return /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return typeof value === "object" ? writeJson(value) : String(value);
}

function memberAt(record: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = record;
  for (const name of path) value = isJsonObject(value) ? member(value, name) : undefined;
  return value;
}
