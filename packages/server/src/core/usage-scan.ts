// Reads the records of a usage body into columns (scanned-records.ts), several times sooner than
// into objects. It walks from record to record; each plain one is put down by plain-records.ts, any
// other is read by itself with the strict reader. Where it is not sure of the body as a whole it gives
// up, so a missed case costs time and never a wrong value.
import {
  backslash,
  closeBrace,
  closeBracket,
  comma,
  openBrace,
  openBracket,
  quote,
} from "./json-codes.ts";
import { recordsPerRequestMax } from "./limits.ts";
import { PlainRecords, skipSpace } from "./plain-records.ts";
import type { ScanContext } from "./scan-plan.ts";
import { endAt, isPlainAt, startAt, strideOf } from "./scanned-records.ts";

/** Records by columns, as scanned-records.ts has them. */
export interface ScanRows {
  readonly words: Int32Array;
  readonly values: Float64Array;
}

const lineFeed = 0x0a;

/** Levels that a record may nest here: with the array around it, far from `jsonDepthMax`. */
const depthMax = 8;

/** Bounds what a record takes here: about half a kilobyte. */
const columnsMax = 40;

/** Rows of the request that is being scanned. Reused: it keeps its size. */
let words = new Int32Array(0);
let values = new Float64Array(0);

/**
 * The records of a body, one a line or in a JSON array, or the one object that it is; `bytes` is valid
 * UTF-8. Those that are not plain are only found, which `isPlain` tells. Null: the strict reader must
 * judge the body as a whole, because it is not well formed, holds no records or too many, or because
 * something is unusual.
 */
export function scanRows(
  bytes: Uint8Array,
  isLines: boolean,
  context: ScanContext,
): ScanRows | null {
  if (context.plan.columns.size > columnsMax) return null;
  const scan = new Scan(bytes, context);
  return isLines ? scan.lines() : scan.document();
}

class Scan {
  readonly #bytes: Uint8Array;
  readonly #plain: PlainRecords;
  readonly #stride: number;
  #count = 0;
  /** How many more bytes than units there were so far. */
  #shift = 0;

  constructor(bytes: Uint8Array, context: ScanContext) {
    this.#bytes = bytes;
    this.#plain = new PlainRecords(bytes, context);
    this.#stride = strideOf(context.plan);
  }

  document(): ScanRows | null {
    const bytes = this.#bytes;
    let at = skipSpace(bytes, 0);
    const isArray = bytes[at] === openBracket;
    if (isArray) at = skipSpace(bytes, at + 1);
    for (;;) {
      at = this.#element(at);
      if (at < 0) return null;
      at = skipSpace(bytes, at);
      if (!isArray || bytes[at] !== comma) break;
      at = skipSpace(bytes, at + 1);
    }
    if (isArray) {
      if (bytes[at] !== closeBracket) return null;
      at = skipSpace(bytes, at + 1);
    }
    return at === bytes.length ? this.#rows() : null;
  }

  lines(): ScanRows | null {
    const bytes = this.#bytes;
    for (let start = 0; start <= bytes.length; ) {
      const feed = bytes.indexOf(lineFeed, start);
      const end = feed < 0 ? bytes.length : feed;
      const at = skipSpace(bytes, start);
      if (at < end && !this.#line(at, end)) return null;
      start = end + 1;
    }
    return this.#rows();
  }

  /** Gives the place behind the object that starts here; -1 where it cannot be read. */
  #element(start: number): number {
    if (this.#bytes[start] !== openBrace || this.#count === recordsPerRequestMax) return -1;
    this.#makeRoom();
    const plainEnd = this.#plainEnd(start);
    if (plainEnd >= 0) return this.#put(start, plainEnd);
    const end = endOfObject(this.#bytes, start);
    return end < 0 ? -1 : this.#putOther(start, end);
  }

  /** Takes the line whose first character that is no space stands at `start`; false: one too many. */
  #line(start: number, end: number): boolean {
    if (this.#count === recordsPerRequestMax) return false;
    this.#makeRoom();
    const plainEnd = this.#bytes[start] === openBrace ? this.#plainEnd(start) : -1;
    const isPlain = plainEnd >= 0 && plainEnd <= end && skipSpace(this.#bytes, plainEnd) >= end;
    if (isPlain) this.#put(start, plainEnd);
    else this.#putOther(start, end);
    return true;
  }

  /** The place behind the plain record that starts here, which is put down as the next; or -1. */
  #plainEnd(start: number): number {
    const row = this.#count * this.#stride;
    this.#plain.use(words, row, this.#shift);
    return this.#plain.read(start);
  }

  #put(start: number, end: number): number {
    values[this.#count] = this.#plain.value;
    this.#stand(start - this.#shift, end - this.#shift, true);
    return end;
  }

  #putOther(start: number, end: number): number {
    const from = start - this.#shift;
    this.#shift += shiftOf(this.#bytes, start, end);
    values[this.#count] = Number.NaN;
    // What was tried in vain leaves nothing behind.
    words.fill(0, this.#count * this.#stride, (this.#count + 1) * this.#stride);
    this.#stand(from, end - this.#shift, false);
    return end;
  }

  #makeRoom(): void {
    const isFull = (this.#count + 1) * this.#stride > words.length;
    if (isFull || this.#count === values.length) grow(this.#stride);
  }

  #stand(start: number, end: number, isPlain: boolean): void {
    const row = this.#count * this.#stride;
    words[row + startAt] = start;
    words[row + endAt] = end;
    words[row + isPlainAt] = isPlain ? 1 : 0;
    this.#count += 1;
  }

  #rows(): ScanRows {
    return {
      words: words.slice(0, this.#count * this.#stride),
      values: values.slice(0, this.#count),
    };
  }
}

function grow(stride: number): void {
  const rows = Math.max(64, values.length * 2);
  const larger = new Int32Array(Math.max(rows * stride, words.length));
  larger.set(words);
  words = larger;
  const more = new Float64Array(rows);
  more.set(values);
  values = more;
}

/** Behind the brace that closes the one that stands here; -1 where there is none. */
function endOfObject(bytes: Uint8Array, start: number): number {
  let depth = 0;
  let isText = false;
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quote) isText = !isText;
    else if (isText && byte === backslash) at += 1;
    else if (isText) continue;
    else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) depth -= 1;
    if (depth > depthMax) return -1;
    if (depth === 0) return at + 1;
  }
  return -1;
}

/** How many more bytes than units stand there: UTF-8 takes up to three for one unit, four for two. */
function shiftOf(bytes: Uint8Array, start: number, end: number): number {
  let shift = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x80) shift += byte < 0xc0 ? 1 : byte >= 0xf0 ? -1 : 0;
  }
  return shift;
}
