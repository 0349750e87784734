// The bounds that one record keeps so that judging it takes bounded time and memory: members, and
// the length of texts and numbers at any depth. It says nothing of what the members mean.
import { ExactNumber, isJsonObject, type JsonObject, type JsonValue } from "./json-value.ts";
import { recordMembersMax, recordStringCharactersMax } from "./limits.ts";

/** A sentence that says which bound a record breaks, or null (UB13). */
export function recordFault(value: JsonValue): string | null {
  const inner = isJsonObject(value) ? objectFault(value) : valueFault(value);
  if (inner !== null) return inner;
  return isJsonObject(value) && hasMoreMembers(value)
    ? `A usage record may have at most ${recordMembersMax} members.`
    : null;
}

/** True for more than `recordMembersMax` members. */
export function hasMoreMembers(object: JsonObject): boolean {
  let members = 0;
  for (const _name in object) members += 1;
  return members > recordMembersMax;
}

function valueFault(value: JsonValue | undefined): string | null {
  if (typeof value === "string") return textFault(value);
  if (typeof value !== "object" || value === null) return null;
  if (isJsonObject(value)) return objectFault(value);
  if (value instanceof ExactNumber) {
    return value.text.length > recordStringCharactersMax
      ? `A number in a usage record may have at most ${recordStringCharactersMax} characters.`
      : null;
  }
  for (const item of value) {
    const fault = valueFault(item);
    if (fault !== null) return fault;
  }
  return null;
}

function objectFault(object: JsonObject): string | null {
  for (const name in object) {
    const fault = textFault(name) ?? valueFault(object[name]);
    if (fault !== null) return fault;
  }
  return null;
}

function textFault(text: string): string | null {
  if (text.length <= recordStringCharactersMax) return null;
  // No text has more than twice as many units as characters, so this copies a bounded piece.
  const tooLong =
    text.length > recordStringCharactersMax * 2 || [...text].length > recordStringCharactersMax;
  return tooLong
    ? `A string in a usage record may have at most ${recordStringCharactersMax} characters.`
    : null;
}
