// The short cut around the strict reader: one scan that shows a text to be so ordinary that
// JSON.parse cannot misread it. It only ever says "proved" or "not proved"; what is not proved goes
// to the strict reader, so a missed case costs time and never a wrong value.
import { doubleDigits, type JsonFault, readJsonStrictly } from "./json-reader.ts";
import { isJsonObject, type JsonValue } from "./json-value.ts";
import { jsonDepthMax } from "./limits.ts";
import { ok, type Result } from "./problem.ts";

/** The same answer, for every text, as `readJsonStrictly(text, "free")`, mostly much sooner. */
export function readJsonByScan(text: string): Result<JsonValue, JsonFault> {
  const colons = countColons(text);
  if (colons >= 0) {
    const value = parse(text);
    // JSON.parse keeps the last of two members of one name, so fewer names than colons are left.
    if (value !== undefined && countNames(value) === colons) return ok(value);
  }
  return readJsonStrictly(text, "free");
}

/**
 * Colons outside strings, which are as many as member names; -1 unless nothing in the text can
 * differ between JSON.parse and the strict reader but faults of grammar and repeated names: no
 * escapes, no lone surrogates, no deep nesting, no number that a double might not carry.
 */
function countColons(text: string): number {
  if (text.includes("\\") || !text.isWellFormed()) return -1;
  let colons = 0;
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    at += 1;
    if (code === 0x22) {
      at = text.indexOf('"', at) + 1;
      if (at === 0) return -1;
    } else if (code === 0x3a) {
      colons += 1;
    } else if (code >= 0x30 && code <= 0x39) {
      at = skipPlainNumber(text, at);
      if (at < 0) return -1;
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > jsonDepthMax) return -1;
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
    }
  }
  return colons;
}

/** `at` is behind a number's first digit. -1 for an exponent or more digits than a double has. */
function skipPlainNumber(text: string, from: number): number {
  for (let at = from; ; at += 1) {
    const code = text.charCodeAt(at);
    if ((code >= 0x30 && code <= 0x39) || code === 0x2e) continue;
    // A dot is among the units counted here, so this errs to the safe side by one digit.
    return at - from < doubleDigits && (code | 0x20) !== 0x65 ? at : -1;
  }
}

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function countNames(value: JsonValue): number {
  let names = 0;
  if (isJsonObject(value)) {
    for (const name in value) {
      names += 1;
      const item = value[name];
      if (typeof item === "object" && item !== null) names += countNames(item);
    }
  } else if (Array.isArray(value)) {
    for (const item of value) {
      if (typeof item === "object" && item !== null) names += countNames(item);
    }
  }
  return names;
}
