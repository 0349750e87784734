// Reading objects that callers send as definitions: known members only, each by its own reader,
// every fault collected with its JSON Pointer so that a caller can mend all of them at once (D-08).
// A form names the members of one object; fields.ts has the readers of single values.
// It never changes what it reads, and never reads a member that the object does not own.
import { isJsonObject, type JsonObject, type JsonValue, member } from "./json-value.ts";
import { faultsListedMax } from "./limits.ts";
import { assert, type Fault, fail, ok, type Result } from "./problem.ts";

/** Where a value stands in the body, and the list that takes its faults. */
export interface Place {
  readonly pointer: string;
  readonly faults: Fault[];
  /** The pointer stops at an ancestor, as the whole one would be too long. */
  readonly isCut?: boolean;
}

/** Characters of a pointer: long names around many faults would make an answer of megabytes. */
const pointerCharactersMax = 1_000;

/**
 * Reads one value; `undefined` in means that it was not sent, `undefined` out that it has at least
 * one fault, which is then in the list of its place.
 */
export type FieldReader<T> = (value: JsonValue | undefined, at: Place) => T | undefined;

/** The members of one kind of object. */
export interface Form<T extends object> {
  /** With its article, for messages: "a meter type". */
  readonly name: string;
  readonly members: { readonly [K in keyof T]: FieldReader<T[K]> };
  /** Members that exist but may not be sent here, and why. */
  readonly refused?: ReadonlyMap<string, string>;
}

/** Runs a reader over a whole body: its value, or all its faults. */
export function readDefinition<T>(
  body: JsonValue,
  reader: FieldReader<T>,
): Result<T, readonly Fault[]> {
  const faults: Fault[] = [];
  const value = reader(body, { pointer: "", faults });
  if (faults.length > 0) return fail(faults);
  assert(value !== undefined, "a definition that cannot be read has a fault");
  return ok(value);
}

/** A reader of whole objects: members that were not sent are left to their readers. */
export function object<T extends object>(form: Form<T>): FieldReader<T> {
  return (value, at) => {
    const parts = readParts(value, at, form);
    return parts !== undefined && isWhole(parts, form) ? parts : undefined;
  };
}

/**
 * Reads every member of the form, sent or not. Members with faults are missing from the result;
 * undefined when the value is no object at all.
 */
export function readParts<T extends object>(
  value: JsonValue | undefined,
  at: Place,
  form: Form<T>,
): Partial<T> | undefined {
  const source = openObject(value, at, form);
  if (source === undefined) return undefined;
  const parts: Partial<T> = {};
  for (const name in form.members) {
    const part = form.members[name](member(source, name), inside(at, name));
    if (part !== undefined) parts[name] = part;
  }
  return parts;
}

/** Reads the members that were sent and no others: a PATCH. Faulty members are left out. */
export function readSupplied<T extends object>(
  value: JsonValue | undefined,
  at: Place,
  form: Form<T>,
): Partial<T> | undefined {
  const source = openObject(value, at, form);
  if (source === undefined) return undefined;
  const parts: Partial<T> = {};
  for (const name in form.members) {
    const sent = member(source, name);
    if (sent === undefined) continue;
    const part = form.members[name](sent, inside(at, name));
    if (part !== undefined) parts[name] = part;
  }
  return parts;
}

/** True when no member of the form is missing from what was read. */
export function isWhole<T extends object>(parts: Partial<T>, form: Form<T>): parts is T {
  return Object.keys(form.members).every((name) => Object.hasOwn(parts, name));
}

/** Notes a fault and gives the `undefined` that a reader returns for it. */
export function fault(at: Place, detail: string): undefined {
  at.faults.push({ pointer: at.pointer, detail });
  return undefined;
}

/** A value of the wrong kind, or none where one is needed. */
export function wrongKind(value: JsonValue | undefined, at: Place, wanted: string): undefined {
  if (value === undefined) return fault(at, "is required");
  return fault(at, `must be ${wanted}, not ${kindOf(value)}`);
}

/** The place of a member or an array element (RFC 6901), or of the ancestor that can be named. */
export function inside(at: Place, name: string | number): Place {
  if (at.isCut === true) return at;
  const token = String(name).replaceAll("~", "~0").replaceAll("/", "~1");
  const pointer = `${at.pointer}/${token}`;
  if (pointer.length > pointerCharactersMax) return { ...at, isCut: true };
  return { pointer, faults: at.faults };
}

/** Names that may not be sent, each group with its reason: for `Form.refused`. */
export function refusals(
  ...groups: readonly (readonly [names: readonly string[], detail: string])[]
): ReadonlyMap<string, string> {
  return new Map(groups.flatMap(([names, detail]) => names.map((name) => [name, detail] as const)));
}

function openObject<T extends object>(
  value: JsonValue | undefined,
  at: Place,
  form: Form<T>,
): JsonObject | undefined {
  if (!isJsonObject(value)) return wrongKind(value, at, "an object");
  const known = Object.keys(form.members);
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(form.members, name)) continue;
    // Hints cost more than the fault; those beyond the list of an answer would never be seen.
    const candidates = at.faults.length < faultsListedMax ? known : [];
    const detail = form.refused?.get(name) ?? notAMember(name, form.name, candidates);
    const place = inside(at, name);
    fault(place, place.isCut === true ? `the member "${name.slice(0, 40)}…" ${detail}` : detail);
  }
  return value;
}

function notAMember(name: string, owner: string, known: readonly string[]): string {
  const hint = closestName(name, known);
  const base = `is not a member of ${owner}`;
  return hint === undefined ? base : `${base}; did you mean ${hint}?`;
}

/** The known name within two edits, letter case and separators aside; undefined if none is. */
function closestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > 64) return undefined;
  const wanted = plain(name);
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of known) {
    const distance = editDistance(wanted, plain(candidate));
    // Of a short name two edits leave nothing: "id" is no misspelt "unit".
    if (distance < bestDistance && distance * 2 <= wanted.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function plain(name: string): string {
  return name.replaceAll(/[\s_-]/g, "").toLowerCase();
}

/** Levenshtein distance, or 3 as soon as the lengths alone say that it is 3 or more. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 3;
}

function kindOf(value: JsonValue): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return "a boolean";
  if (typeof value === "string") return "a string";
  if (Array.isArray(value)) return "an array";
  return isJsonObject(value) ? "an object" : "a number";
}
