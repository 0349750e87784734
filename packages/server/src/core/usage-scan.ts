// Reads the records of a usage body into columns (scanned-records.ts), several times sooner than
// into objects. It walks from record to record; each plain one is put down by plain-records.ts, any
// other is read by itself with the strict reader. Where it is not sure of the body as a whole it gives
// up, so a missed case costs time and never a wrong value.
import { recordsPerRequestMax } from "./limits.ts";
import { PlainRecords, skipSpace } from "./plain-records.ts";
import type { ScanContext } from "./scan-plan.ts";
import { endAt, isPlainAt, ScannedRecords, startAt, strideOf } from "./scanned-records.ts";
import type { RawRecord } from "./usage-body.ts";

/** A text and its UTF-8. */
export interface EncodedText {
  readonly text: string;
  readonly bytes: Uint8Array;
}

export interface Scanned {
  readonly records: ScannedRecords;
  /** The records that are not plain, by number. */
  readonly others: ReadonlyMap<number, RawRecord>;
}

/** How a body is divided, and what reads the text of a record that is not plain. */
export interface ScanForm {
  /** One record a line; else a JSON array, or one object. */
  readonly isLines: boolean;
  /** Null: then the body as a whole cannot be read. */
  readonly readOther: (text: string) => RawRecord | null;
}

const lineFeed = 0x0a;
const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Levels that a record may nest here: with the array around it, far from `jsonDepthMax`. */
const depthMax = 8;

/** Bounds what a record takes here: about half a kilobyte. */
const columnsMax = 40;

/** Rows of the request that is being scanned. Reused: it keeps its size. */
let words = new Int32Array(0);
let values = new Float64Array(0);

/**
 * The records of a body. Null: the strict reader must judge it as a whole, because it is not well
 * formed, holds no records or too many, or because something is unusual.
 */
export function scanUsage(body: EncodedText, form: ScanForm, context: ScanContext): Scanned | null {
  if (!body.text.isWellFormed() || context.plan.columns.size > columnsMax) return null;
  const scan = new Scan(body, form, context);
  return form.isLines ? scan.lines() : scan.document();
}

class Scan {
  readonly #text: string;
  readonly #bytes: Uint8Array;
  readonly #context: ScanContext;
  readonly #plain: PlainRecords;
  readonly #stride: number;
  readonly #readOther: ScanForm["readOther"];
  readonly #others = new Map<number, RawRecord>();
  #count = 0;
  /** How many more bytes than units there were so far. */
  #shift = 0;

  constructor({ text, bytes }: EncodedText, { readOther }: ScanForm, context: ScanContext) {
    this.#text = text;
    this.#bytes = bytes;
    this.#readOther = readOther;
    this.#context = context;
    this.#plain = new PlainRecords(bytes, context);
    this.#stride = strideOf(context.plan);
  }

  document(): Scanned | null {
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
    return at === bytes.length ? this.#scanned() : null;
  }

  lines(): Scanned | null {
    const bytes = this.#bytes;
    for (let start = 0; start <= bytes.length; ) {
      const feed = bytes.indexOf(lineFeed, start);
      const end = feed < 0 ? bytes.length : feed;
      const at = skipSpace(bytes, start);
      if (at < end && !this.#line(at, end)) return null;
      start = end + 1;
    }
    return this.#scanned();
  }

  /** Gives the place behind the object that starts here; -1 where it cannot be read. */
  #element(start: number): number {
    if (this.#bytes[start] !== openBrace || this.#count === recordsPerRequestMax) return -1;
    const plainEnd = this.#plainEnd(start);
    if (plainEnd >= 0) return this.#put(start, plainEnd);
    const end = endOfObject(this.#bytes, start);
    return end < 0 ? -1 : this.#putOther(start, end);
  }

  /** Takes the line whose first character that is no space stands at `start`; false: it cannot. */
  #line(start: number, end: number): boolean {
    if (this.#count === recordsPerRequestMax) return false;
    const plainEnd = this.#bytes[start] === openBrace ? this.#plainEnd(start) : -1;
    const isPlain = plainEnd >= 0 && plainEnd <= end && skipSpace(this.#bytes, plainEnd) >= end;
    return (isPlain ? this.#put(start, plainEnd) : this.#putOther(start, end)) >= 0;
  }

  /** The place behind the plain record that starts here, which is put down as the next; or -1. */
  #plainEnd(start: number): number {
    const row = this.#count * this.#stride;
    if (row + this.#stride > words.length || this.#count === values.length) grow(this.#stride);
    this.#plain.use(words, row, this.#shift);
    return this.#plain.read(start);
  }

  #put(start: number, end: number): number {
    values[this.#count] = this.#plain.value;
    this.#stand(start - this.#shift, end - this.#shift, true);
    return end;
  }

  /** Gives `end`, or -1 where the record makes the whole body unreadable. */
  #putOther(start: number, end: number): number {
    const from = start - this.#shift;
    this.#shift += shiftOf(this.#bytes, start, end);
    const to = end - this.#shift;
    const record = this.#readOther(this.#text.slice(from, to));
    if (record === null) return -1;
    this.#others.set(this.#count, record);
    values[this.#count] = Number.NaN;
    this.#stand(from, to, false);
    return end;
  }

  #stand(start: number, end: number, isPlain: boolean): void {
    const row = this.#count * this.#stride;
    words[row + startAt] = start;
    words[row + endAt] = end;
    words[row + isPlainAt] = isPlain ? 1 : 0;
    this.#count += 1;
  }

  #scanned(): Scanned {
    const { plan } = this.#context;
    const rows = {
      words: words.slice(0, this.#count * this.#stride),
      values: values.slice(0, this.#count),
    };
    return { records: new ScannedRecords(plan, this.#text, rows), others: this.#others };
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
