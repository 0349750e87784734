// The strict JSON reader: RFC 8259 and nothing beside it. It refuses what JSON.parse lets pass or
// bends in silence (names sent twice, lone surrogates, NUL, unbounded nesting, rounded numbers).
// It never throws on any text, never recurses deeper than `jsonDepthMax`, and takes linear time.
import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  dot,
  isDigit,
  isSpace,
  minus,
  openBrace,
  openBracket,
  quote,
  zero,
} from "./json-codes.ts";
import { ExactNumber, type JsonValue } from "./json-value.ts";
import { jsonDepthMax } from "./limits.ts";
import { fail, ok, type Result } from "./problem.ts";

/** Why a text is not accepted. */
export interface JsonFault {
  /** Where, as an index of UTF-16 units into the text. */
  readonly offset: number;
  /** A clause in English, without a full stop. */
  readonly detail: string;
}

/**
 * Whether a number that a double carries may lose its spelling (1.50 becomes 1.5, 0.0000001 becomes
 * 1e-7). "kept" makes an ExactNumber of it; "free" does so only where digits could be lost.
 */
export type Spelling = "kept" | "free";

/** Significant digits that a double always carries (DBL_DIG; numbers.md 5.3). */
export const doubleDigits = 15;

/** Reads one JSON document. The first fault ends the reading (UB1 to UB6). */
export function readJsonStrictly(text: string, spelling: Spelling): Result<JsonValue, JsonFault> {
  return new Reader(text, spelling).document();
}

class Reader {
  readonly #text: string;
  readonly #spelling: Spelling;
  #at = 0;
  #depth = 0;
  #fault: JsonFault | null = null;

  constructor(text: string, spelling: Spelling) {
    this.#text = text;
    this.#spelling = spelling;
  }

  document(): Result<JsonValue, JsonFault> {
    if (!this.#text.isWellFormed()) {
      return fail({ offset: firstLoneSurrogate(this.#text), detail: "a lone surrogate" });
    }
    if (this.#text.charCodeAt(0) === 0xfeff) {
      return fail({ offset: 0, detail: "a byte order mark; send UTF-8 without one" });
    }
    this.#skipSpace();
    const value = this.#value();
    if (value !== undefined) {
      this.#skipSpace();
      if (this.#at === this.#text.length) return ok(value);
      this.#refuse("more text after the end of the JSON value");
    }
    return fail(this.#fault ?? { offset: this.#at, detail: "not JSON" });
  }

  /** The value that starts here, or undefined with the fault noted. */
  #value(): JsonValue | undefined {
    const code = this.#text.charCodeAt(this.#at);
    if (code === quote) return this.#string();
    if (code === openBrace) return this.#nested(openBrace);
    if (code === openBracket) return this.#nested(openBracket);
    if (code === minus || isDigit(code)) return this.#number();
    if (code === 0x74) return this.#word("true", true);
    if (code === 0x66) return this.#word("false", false);
    if (code === 0x6e) return this.#word("null", null);
    return this.#refuse(this.#at < this.#text.length ? "a JSON value was expected" : unfinished);
  }

  #nested(open: number): JsonValue | undefined {
    if (this.#depth === jsonDepthMax) {
      return this.#refuse(`nested deeper than ${jsonDepthMax} levels`);
    }
    this.#depth += 1;
    this.#at += 1;
    this.#skipSpace();
    const value = open === openBrace ? this.#object() : this.#array();
    this.#depth -= 1;
    return value;
  }

  #array(): JsonValue | undefined {
    const items: JsonValue[] = [];
    if (this.#take(closeBracket)) return items;
    for (;;) {
      const item = this.#value();
      if (item === undefined) return undefined;
      items.push(item);
      this.#skipSpace();
      if (this.#take(closeBracket)) return items;
      if (!this.#take(comma)) return this.#refuse('"," or "]" was expected');
      this.#skipSpace();
    }
  }

  #object(): JsonValue | undefined {
    const object: Record<string, JsonValue> = {};
    if (this.#take(closeBrace)) return object;
    for (;;) {
      const start = this.#at;
      if (this.#text.charCodeAt(start) !== quote) {
        return this.#refuse("a member's name in double quotes was expected");
      }
      const name = this.#string();
      if (name === undefined) return undefined;
      this.#skipSpace();
      if (!this.#take(colon)) return this.#refuse('":" was expected');
      this.#skipSpace();
      const value = this.#value();
      if (value === undefined) return undefined;
      if (!addMember(object, name, value)) {
        return this.#refuse("a member's name that the object already has", start);
      }
      this.#skipSpace();
      if (this.#take(closeBrace)) return object;
      if (!this.#take(comma)) return this.#refuse('"," or "}" was expected');
      this.#skipSpace();
    }
  }

  #string(): string | undefined {
    const text = this.#text;
    const start = this.#at;
    let escaped = false;
    for (let at = start + 1; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === quote) {
        this.#at = at + 1;
        return escaped ? this.#unescape(start) : text.slice(start + 1, at);
      }
      if (code < 0x20) return this.#refuse("a control character inside a string", at);
      if (code === backslash) {
        const length = escapeLength(text, at);
        if (length === 0) return this.#refuse("an escape that JSON does not have", at);
        if (length === 6 && text.startsWith("0000", at + 2)) {
          return this.#refuse("the character NUL", at);
        }
        escaped = true;
        at += length - 1;
      }
    }
    return this.#refuse("a string without an end", start);
  }

  /** The string from `start` to here; its escapes are known to be well formed. */
  #unescape(start: number): string | undefined {
    const value: string = JSON.parse(this.#text.slice(start, this.#at));
    return value.isWellFormed() ? value : this.#refuse("a string with a lone surrogate", start);
  }

  #number(): JsonValue | undefined {
    const text = this.#text;
    const start = this.#at;
    let at = text.charCodeAt(start) === minus ? start + 1 : start;
    const integer = at;
    at = skipDigits(text, at);
    if (at === integer) return this.#refuse("a digit was expected", at);
    if (at > integer + 1 && text.charCodeAt(integer) === zero) {
      return this.#refuse("a number with a leading zero", start);
    }
    let digits = at - integer;
    if (text.charCodeAt(at) === dot) {
      const fraction = at + 1;
      at = skipDigits(text, fraction);
      if (at === fraction) return this.#refuse("a digit was expected", at);
      digits += at - fraction;
    }
    if ((text.charCodeAt(at) | 0x20) === 0x65) {
      const sign = text.charCodeAt(at + 1);
      const exponent = sign === 0x2b || sign === minus ? at + 2 : at + 1;
      at = skipDigits(text, exponent);
      if (at === exponent) return this.#refuse("a digit was expected", at);
      digits = Number.POSITIVE_INFINITY;
    }
    this.#at = at;
    return numberOf(text.slice(start, at), this.#spelling === "free" && digits <= doubleDigits);
  }

  #word<T extends JsonValue>(word: string, value: T): T | undefined {
    if (!this.#text.startsWith(word, this.#at)) return this.#refuse("a JSON value was expected");
    this.#at += word.length;
    return value;
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at += 1;
  }

  #refuse(detail: string, offset: number = this.#at): undefined {
    this.#fault = { offset, detail: offset < this.#text.length ? detail : unfinished };
    return undefined;
  }
}

const unfinished = "the text ends before the JSON value does";

/** False when the object has a member of this name. */
function addMember(object: Record<string, JsonValue>, name: string, value: JsonValue): boolean {
  if (!(name in object)) {
    object[name] = value;
    return true;
  }
  if (Object.hasOwn(object, name)) return false;
  // A name that Object.prototype has: assigning would call its setter or meet a frozen property.
  const member = { value, writable: true, enumerable: true, configurable: true };
  Object.defineProperty(object, name, member);
  return true;
}

/** `plain`: few enough digits and no exponent, so that the double has the same value. */
function numberOf(literal: string, plain: boolean): number | ExactNumber {
  const double = Number(literal);
  return plain || String(double) === literal ? double : new ExactNumber(literal);
}

/** Units of the escape at a backslash, or 0 when it is none of JSON's. */
function escapeLength(text: string, at: number): number {
  const code = text.charCodeAt(at + 1);
  if (code !== 0x75)
    return '"\\/bfnrt'.includes(text.charAt(at + 1)) && at + 1 < text.length ? 2 : 0;
  for (let digit = at + 2; digit < at + 6; digit += 1) {
    if (!isHexDigit(text.charCodeAt(digit))) return 0;
  }
  return 6;
}

function isHexDigit(code: number): boolean {
  return isDigit(code) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66);
}

function skipDigits(text: string, from: number): number {
  let at = from;
  while (isDigit(text.charCodeAt(at))) at += 1;
  return at;
}

function firstLoneSurrogate(text: string): number {
  for (let at = 0; at < text.length; at += 1) {
    const point = text.codePointAt(at) ?? 0;
    if (point >= 0xd800 && point <= 0xdfff) return at;
    if (point > 0xffff) at += 1;
  }
  return text.length;
}
