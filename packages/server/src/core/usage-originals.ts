// Records as they were sent: the pieces of a body's text. Kept apart from reading, because only
// records that go to data correction need them. Works on texts that have been read already, and
// takes their being well formed for granted.
import { isSpace } from "./json-codes.ts";
import type { UsageBody } from "./usage-body.ts";

/** A record as sent. */
export interface OriginalText {
  readonly text: string;
  /** True when the record is no UTF-8: `text` has one character, U+0000 to U+00FF, a byte. */
  readonly isBytes: boolean;
}

/** The lines of an NDJSON body that are not blank, without the white space around them. */
export function* lineTexts(body: UsageBody): Generator<OriginalText> {
  const invalid = new Set(body.invalidLines);
  const { text } = body;
  for (let number = 0, start = 0; start <= text.length; number += 1) {
    const feed = text.indexOf("\n", start);
    const next = feed < 0 ? text.length : feed;
    const line = trimmed(text, start, next);
    if (line !== "") yield { text: line, isBytes: invalid.has(number) };
    start = next + 1;
  }
}

/** The one object, or the elements of the array, that a JSON text is; `text` is valid JSON. */
export function elementTexts(text: string): readonly OriginalText[] {
  const elements: OriginalText[] = [];
  const whole = trimmed(text, 0, text.length);
  if (!whole.startsWith("[")) return [{ text: whole, isBytes: false }];
  let depth = 0;
  let start = 1;
  for (let at = 0; at < whole.length; at += 1) {
    const code = whole.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(whole, at);
    } else if (code === 0x5b || code === 0x7b) {
      depth += 1;
    } else if (code === 0x5d || code === 0x7d) {
      depth -= 1;
    }
    if ((code === 0x2c && depth === 1) || depth === 0) {
      const element = trimmed(whole, start, at);
      if (element !== "") elements.push({ text: element, isBytes: false });
      start = at + 1;
    }
  }
  return elements;
}

/** Index of the quotation mark that ends the string which starts at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== 0x22) {
    at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  }
  return at;
}

/** A piece of a text without the white space around it. */
export function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}
