// Fields that a meter carries along: the first or the last value of each in the period (AG6), as one
// short array of names and values in turn. A counter keeps the one field that most meters carry
// without any array (counter.ts).
import type { JsonValue } from "./json-value.ts";
import { assert } from "./problem.ts";

/** Names at even places, each followed by its value; null while nothing was carried. */
export type Carried = readonly JsonValue[] | null;

/** Keeps the first value: one that is there already stays. */
export function carryFirst(carried: Carried, name: string, value: JsonValue): Carried {
  return placeOf(carried, name) < 0 ? appended(carried, name, value) : carried;
}

/** Keeps the last value. The array is changed in place where the name is known. */
export function carryLast(carried: Carried, name: string, value: JsonValue): Carried {
  const at = placeOf(carried, name);
  if (at < 0) return appended(carried, name, value);
  (carried as JsonValue[])[at + 1] = value;
  return carried;
}

/** Pairs in the order in which the names first came. */
export function carriedEntries(carried: Carried): [string, JsonValue][] {
  const entries: [string, JsonValue][] = [];
  for (let at = 0; carried !== null && at < carried.length; at += 2) {
    const [name, value] = [carried[at], carried[at + 1]];
    assert(typeof name === "string" && value !== undefined, "carried fields come in pairs");
    entries.push([name, value]);
  }
  return entries;
}

function placeOf(carried: Carried, name: string): number {
  if (carried === null) return -1;
  for (let at = 0; at < carried.length; at += 2) if (carried[at] === name) return at;
  return -1;
}

/** A literal has no spare room, unlike an array that grew. */
function appended(carried: Carried, name: string, value: JsonValue): Carried {
  return carried === null ? [name, value] : [...carried, name, value];
}
