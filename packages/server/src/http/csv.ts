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

/** Columns in order, each with the member of the record that it shows. */
const columns: readonly (readonly [column: string, path: readonly string[]])[] = [
  ["recordId", ["recordId"]],
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
];

/** With its line end. */
export const csvHeader: string = csvLine(columns.map(([column]) => column));

/** The line of a record that is given as its JSON text, with its line end. */
export function csvRecord(json: string): string {
  const read = readJson(json);
  assert(read.ok && isJsonObject(read.value), "a metered record is a JSON object");
  const record = read.value;
  return csvLine(columns.map(([, path]) => csvCell(memberAt(record, path))));
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
