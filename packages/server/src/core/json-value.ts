// The value model of every JSON document that enters or leaves: what `readJson` makes and
// `writeJson` writes. Numbers keep their digits.

/**
 * A number that a double would round or spell differently, kept as its literal. Everything that a
 * double carries unchanged is a plain `number`.
 */
export class ExactNumber {
  /** A JSON number literal. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** JSON.stringify writes the digits as they are. */
  toJSON(): unknown {
    return JSON.rawJSON(this.text);
  }
}

export type JsonValue =
  | null
  | boolean
  | string
  | number
  | ExactNumber
  | readonly JsonValue[]
  | JsonObject;

/**
 * Own members only, in the order sent, but for names that are array indexes, which JavaScript puts
 * first, ascending. Always read through `member`: an object may hold a member
 * called `__proto__` or lack one called `constructor`.
 */
export type JsonObject = { readonly [name: string]: JsonValue };

/** An own member of an object, or undefined. */
export function member(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The same, much sooner, for an object that the JSON reader made: what it inherits is known. */
export function memberOfRead(object: JsonObject, name: string): JsonValue | undefined {
  const value = object[name];
  if (value === undefined || !inherited.has(name)) return value;
  return Object.hasOwn(object, name) ? value : undefined;
}

/** Names that every object answers to: asking whether each member is its own would cost more. */
const inherited: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof ExactNumber)
  );
}

declare global {
  interface JSON {
    /** ECMAScript "JSON.parse source text access": a literal written as it stands. */
    rawJSON(text: string): unknown;
  }
}
