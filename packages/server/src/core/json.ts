// JSON in and out, for every route and for replay: the one reader and the one writer. The value
// model is in json-value.ts; nothing else may call JSON.parse on input.
import { type JsonFault, readJsonStrictly } from "./json-reader.ts";
import { readJsonByScan } from "./json-scan.ts";
import type { JsonValue } from "./json-value.ts";
import type { Result } from "./problem.ts";

export type { JsonFault } from "./json-reader.ts";

/**
 * Reads a JSON document that has been decoded from UTF-8 already. Numbers keep their spelling:
 * 1.50 is an ExactNumber. Refused: anything that is not RFC 8259, a name twice in one object, more
 * than `jsonDepthMax` levels, lone surrogates, NUL, a byte order mark (UB1 to UB6).
 */
export function readJson(text: string): Result<JsonValue, JsonFault> {
  return readJsonStrictly(text, "kept");
}

/**
 * Accepts and refuses exactly what `readJson` does, several times faster for ordinary texts. The
 * value of every number is the same, but one with at most 15 digits and no exponent may lose its
 * spelling: 1.50 is the number 1.5. What comes out depends on the text alone (UB7).
 */
export function readJsonFast(text: string): Result<JsonValue, JsonFault> {
  return readJsonByScan(text);
}

/** Compact JSON text. An ExactNumber goes out with its own digits; a bigint throws. */
export function writeJson(value: unknown): string {
  return JSON.stringify(value);
}
