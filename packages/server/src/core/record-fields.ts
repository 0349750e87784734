// How a rule reads a field of a usage record, and how a value becomes text (JU2, GR3,
// AG4). A literal member wins over a dotted path; attributes of a CloudEvent stand in where the
// data lacks a member.
import { canonicalNumber } from "./decimal.ts";
import { writeJson } from "./json.ts";
import {
  ExactNumber,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  memberOfRead,
} from "./json-value.ts";
import type { ScanColumns } from "./scan-plan.ts";
import type { ScannedRecords } from "./scanned-records.ts";

/** A field name of a rule, split once. */
export interface FieldPath {
  readonly name: string;
  /** The parts of a dotted name, else null. */
  readonly parts: readonly string[] | null;
}

/** The same, of a processor's rule. */
export interface RuleField extends FieldPath {
  /** Where it stands in a record that has columns (scan-plan.ts). */
  readonly column: number;
}

/** Fields of a record that was read by itself. */
export interface ReadFields {
  readonly fields: JsonObject;
  readonly attributes: JsonObject | null;
}

/** What rules can see of a record. */
export interface VisibleFields extends ReadFields {
  /** Set: it has columns, in row `index`; then `fields` makes an object by each call. */
  readonly columns: ScannedRecords | null;
  readonly index: number;
}

export function fieldPath(name: string): FieldPath {
  return { name, parts: name.includes(".") ? name.split(".") : null };
}

export function ruleField(name: string, columns: ScanColumns): RuleField {
  return { ...fieldPath(name), column: columns.of(name) };
}

/** The value of a field, or undefined where the record lacks it. */
export function ruleValue(record: VisibleFields, field: RuleField): JsonValue | undefined {
  // A record with columns is flat: a dotted name leads nowhere in it.
  return record.columns === null
    ? fieldValue(record, field)
    : record.columns.member(record.index, field.column);
}

export function fieldValue(record: ReadFields, path: FieldPath): JsonValue | undefined {
  const literal = memberOfRead(record.fields, path.name);
  if (literal !== undefined) return literal;
  if (path.parts !== null) {
    const nested = walk(record.fields, path.parts);
    if (nested !== undefined) return nested;
  }
  return record.attributes === null ? undefined : memberOfRead(record.attributes, path.name);
}

/** Text of a value for user ids and conditions; null for what has none and equals nothing. */
export function scalarText(value: JsonValue | undefined): string | null {
  if (typeof value === "string") return value;
  if (typeof value === "number" || value instanceof ExactNumber) return canonicalNumber(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  return null;
}

/** Text of a value for group keys: missing and null are empty, the compound is compact JSON. */
export function groupText(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "";
  return scalarText(value) ?? writeJson(value);
}

function walk(object: JsonObject, parts: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = object;
  for (const part of parts) {
    if (!isJsonObject(value)) return undefined;
    value = memberOfRead(value, part);
  }
  return value;
}
