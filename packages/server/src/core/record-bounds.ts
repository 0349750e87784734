// The bounds that one record keeps so that judging and keeping it takes bounded time and memory:
// members, the length of texts and numbers at any depth, and of all together. It says nothing of
// what the members mean.
import { ExactNumber, isJsonObject, type JsonObject, type JsonValue } from "./json-value.ts";
import { recordCharactersMax, recordMembersMax, recordStringCharactersMax } from "./limits.ts";

/** A sentence that says which bound a record breaks, or null (UB13). */
export function recordFault(value: JsonValue): string | null {
  const budget: Budget = { left: recordCharactersMax };
  const inner = isJsonObject(value) ? objectFault(value, budget) : valueFault(value, budget);
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

/** Characters that the rest of the record may still have: names, texts, and one for each value. */
interface Budget {
  left: number;
}

function valueFault(value: JsonValue | undefined, budget: Budget): string | null {
  budget.left -= 1;
  if (typeof value === "string") return textFault(value, budget);
  if (typeof value !== "object" || value === null) return spent(budget);
  if (isJsonObject(value)) return objectFault(value, budget);
  if (value instanceof ExactNumber) {
    budget.left -= value.text.length;
    return value.text.length > recordStringCharactersMax
      ? `A number in a usage record may have at most ${recordStringCharactersMax} characters.`
      : spent(budget);
  }
  for (const item of value) {
    const fault = valueFault(item, budget);
    if (fault !== null) return fault;
  }
  return spent(budget);
}

function objectFault(object: JsonObject, budget: Budget): string | null {
  for (const name in object) {
    const fault = textFault(name, budget) ?? valueFault(object[name], budget);
    if (fault !== null) return fault;
  }
  return spent(budget);
}

function textFault(text: string, budget: Budget): string | null {
  budget.left -= text.length;
  if (text.length <= recordStringCharactersMax) return spent(budget);
  // No text has more than twice as many units as characters, so this copies a bounded piece.
  const tooLong =
    text.length > recordStringCharactersMax * 2 || [...text].length > recordStringCharactersMax;
  return tooLong
    ? `A string in a usage record may have at most ${recordStringCharactersMax} characters.`
    : spent(budget);
}

function spent({ left }: Budget): string | null {
  return left >= 0
    ? null
    : `A usage record may have at most ${recordCharactersMax} characters of names and values.`;
}
