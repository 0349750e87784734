// A correction rule applied to one record in data correction: a field set to a value, or renamed. Pure,
// so that a dry run shows exactly what the action will do. It keeps the bounds of a usage record and
// the digits of every number; whether the record counts afterwards is for the judging to say.
import { readJson, writeJson } from "./json.ts";
import { isJsonObject, type JsonObject, type JsonValue, member } from "./json-value.ts";
import { assert, fail, ok, type Result } from "./problem.ts";
import { recordFault } from "./record-bounds.ts";
import { type FieldPath, fieldPath, fieldValue } from "./record-fields.ts";
import type { RawRecord } from "./usage-body.ts";

export type CorrectionChange =
  | { readonly kind: "set"; readonly field: string; readonly value: JsonValue }
  | { readonly kind: "rename"; readonly from: string; readonly to: string };

/** A record as data correction keeps it. */
export interface KeptRecord {
  /** JSON text of its fields; null when the element is no JSON object. */
  readonly record: string | null;
  /** JSON text of a CloudEvent's `{ id, attributes }`; null for anything else. */
  readonly event: string | null;
}

/** What is kept of a record beside its fields, of which only CloudEvents have something. */
export function keptEvent({ fallbackId, attributes }: RawRecord): string | null {
  return attributes === null ? null : writeJson({ id: fallbackId, attributes });
}

/** The record as it came from a usage body. */
export function rawRecordOf({ record, event }: KeptRecord): RawRecord {
  const fields = record === null ? null : objectOf(record);
  const fault = fields === null ? "The record cannot be read." : null;
  if (event === null) return { fields, fault, fallbackId: null, attributes: null };
  const { id, attributes } = objectOf(event);
  assert(isJsonObject(attributes), "a kept event has attributes");
  return { fields, fault, fallbackId: typeof id === "string" ? id : null, attributes };
}

/**
 * The record with the change made, or a sentence why it cannot be. Whoever touches the field of the
 * record id takes the id of a CloudEvent away too, so that an id can be removed.
 */
export function changeRecord(
  kept: KeptRecord,
  change: CorrectionChange,
  idField: string,
): Result<KeptRecord, string> {
  if (kept.record === null) {
    return fail("It is no JSON object within the bounds of a usage record, so it has no fields.");
  }
  const before = objectOf(kept.record);
  const changed = change.kind === "set" ? ok(withSet(before, change)) : renamed(before, change);
  if (!changed.ok) return changed;
  const fault = recordFault(changed.value);
  if (fault !== null) return fail(fault);
  const record = writeJson(changed.value);
  if (!readJson(record).ok) return fail("The record would be nested too deeply.");
  const touched = change.kind === "set" ? [change.field] : [change.from, change.to];
  return ok({ record, event: touched.includes(idField) ? withoutId(kept.event) : kept.event });
}

function objectOf(text: string): JsonObject {
  const read = readJson(text);
  assert(read.ok && isJsonObject(read.value), "a kept record is a JSON object");
  return read.value;
}

function withoutId(event: string | null): string | null {
  return event === null ? null : writeJson({ ...objectOf(event), id: null });
}

function withSet(
  object: JsonObject,
  { field, value }: Extract<CorrectionChange, { kind: "set" }>,
): JsonObject {
  return withField(object, fieldPath(field), value);
}

function renamed(
  object: JsonObject,
  { from, to }: Extract<CorrectionChange, { kind: "rename" }>,
): Result<JsonObject, string> {
  const source = fieldPath(from);
  const value = ownValue(object, source);
  if (value === undefined) return fail(`It has no field ${JSON.stringify(from)}.`);
  const present = ownValue(object, fieldPath(to));
  if (present !== undefined && present !== null && present !== "") {
    return fail(`It has a field ${JSON.stringify(to)} already, which would be lost.`);
  }
  return ok(withField(withField(object, source, undefined), fieldPath(to), value));
}

function ownValue(fields: JsonObject, path: FieldPath): JsonValue | undefined {
  return fieldValue({ fields, attributes: null }, path);
}

/**
 * A field where rules find it: an own member with the literal name, else the nested one of a dotted
 * name, else a new member. `undefined` takes it away.
 */
function withField(object: JsonObject, path: FieldPath, value: JsonValue | undefined): JsonObject {
  const { name, parts } = path;
  const isNested = !Object.hasOwn(object, name) && ownValue(object, path) !== undefined;
  return isNested && parts !== null
    ? withNested(object, parts, value)
    : withMember(object, name, value);
}

function withNested(
  object: JsonObject,
  [first = "", ...rest]: readonly string[],
  value: JsonValue | undefined,
): JsonObject {
  if (rest.length === 0) return withMember(object, first, value);
  const inner = member(object, first);
  assert(isJsonObject(inner), "a dotted name leads through objects");
  return withMember(object, first, withNested(inner, rest, value));
}

/** Members stay in their order; names that mean something to JavaScript are members like others. */
function withMember(object: JsonObject, name: string, value: JsonValue | undefined): JsonObject {
  const members = Object.entries(object);
  const at = members.findIndex(([known]) => known === name);
  if (value === undefined) return Object.fromEntries(members.filter((_, index) => index !== at));
  if (at < 0) return Object.fromEntries([...members, [name, value]]);
  return Object.fromEntries(members.with(at, [name, value]));
}
