// Reads the records of a usage body into columns (scanned-records.ts), several times sooner than
// into objects. It walks from record to record; each plain one is put down by plain-records.ts, any
// other is read by itself with the strict reader. Where it is not sure of the body as a whole it gives
// up, so a missed case costs time and never a wrong value.
import { readJsonFast } from "./json.ts";
import type { JsonValue } from "./json-value.ts";
import { recordsPerRequestMax } from "./limits.ts";
import { PlainRecords, skipSpace } from "./plain-records.ts";
import type { ScanContext } from "./scan-plan.ts";
import { endAt, isPlainAt, ScannedRecords, startAt, strideOf } from "./scanned-records.ts";

/** A text and its UTF-8. */
export interface EncodedText {
  readonly text: string;
  readonly bytes: Uint8Array;
}

export interface Scanned {
  readonly records: ScannedRecords;
  /** Values of the records that are not plain, by number. */
  readonly others: ReadonlyMap<number, JsonValue>;
}

/** Levels that a record may nest here: with the array around it, far from `jsonDepthMax`. */
const depthMax = 8;

/** Bounds what a record takes here: about half a kilobyte. */
const columnsMax = 40;

/** Rows of the request that is being scanned. Reused: it keeps its size. */
let words = new Int32Array(0);
let values = new Float64Array(0);

/**
 * The records of a JSON array, or of one object. Null: the strict reader must judge the whole body,
 * because it is not well formed, holds no records or too many, or because something is unusual.
 */
export function scanUsage(body: EncodedText, context: ScanContext): Scanned | null {
  if (!body.text.isWellFormed() || context.plan.columns.size > columnsMax) return null;
  return new Scan(body, context).run();
}

class Scan {
  readonly #text: string;
  readonly #bytes: Uint8Array;
  readonly #context: ScanContext;
  readonly #plain: PlainRecords;
  readonly #stride: number;
  readonly #others = new Map<number, JsonValue>();
  #count = 0;
  /** How many more bytes than units there were so far. */
  #shift = 0;

  constructor({ text, bytes }: EncodedText, context: ScanContext) {
    this.#text = text;
    this.#bytes = bytes;
    this.#context = context;
    this.#plain = new PlainRecords(bytes, context);
    this.#stride = strideOf(context.plan);
  }

  run(): Scanned | null {
    const bytes = this.#bytes;
    let at = skipSpace(bytes, 0);
    const isArray = bytes[at] === 0x5b;
    if (isArray) at = skipSpace(bytes, at + 1);
    for (;;) {
      at = this.#record(at);
      if (at < 0) return null;
      at = skipSpace(bytes, at);
      if (!isArray || bytes[at] !== 0x2c) break;
      at = skipSpace(bytes, at + 1);
    }
    if (isArray) {
      if (bytes[at] !== 0x5d) return null;
      at = skipSpace(bytes, at + 1);
    }
    return at === bytes.length ? this.#scanned() : null;
  }

  /** Gives the place behind the record that starts here; -1 where it cannot be read. */
  #record(start: number): number {
    if (this.#bytes[start] !== 0x7b || this.#count === recordsPerRequestMax) return -1;
    const row = this.#count * this.#stride;
    if (row + this.#stride > words.length) grow(this.#stride);
    this.#plain.use(words, row, this.#shift);
    const plainEnd = this.#plain.read(start);
    const isPlain = plainEnd >= 0;
    const shift = this.#shift;
    const end = isPlain ? plainEnd : this.#endOfOther(start);
    if (end < 0) return -1;
    words[row + startAt] = start - shift;
    words[row + endAt] = end - this.#shift;
    words[row + isPlainAt] = isPlain ? 1 : 0;
    values[this.#count] = isPlain ? this.#plain.value : Number.NaN;
    if (!isPlain) {
      const read = readJsonFast(this.#text.slice(start - shift, end - this.#shift));
      if (!read.ok) return -1;
      this.#others.set(this.#count, read.value);
    }
    this.#count += 1;
    return end;
  }

  /** Behind the brace that closes the one that stands here; -1 where there is none. */
  #endOfOther(start: number): number {
    const bytes = this.#bytes;
    let depth = 0;
    let isText = false;
    for (let at = start; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      // UTF-8 takes up to three bytes for one unit, and four for two.
      if (byte >= 0x80) this.#shift += byte < 0xc0 ? 1 : byte >= 0xf0 ? -1 : 0;
      if (byte === 0x22) isText = !isText;
      else if (isText && byte === 0x5c) at += 1;
      else if (isText) continue;
      else if (byte === 0x7b || byte === 0x5b) depth += 1;
      else if (byte === 0x7d || byte === 0x5d) depth -= 1;
      if (depth > depthMax) return -1;
      if (depth === 0) return at + 1;
    }
    return -1;
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
  const larger = new Int32Array(Math.max(rows * stride, words.length * 2));
  larger.set(words);
  words = larger;
  const more = new Float64Array(rows);
  more.set(values);
  values = more;
}
