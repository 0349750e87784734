// The records of a usage body by columns: where each record and each of its looked-at members stands
// in the text, its hashes and its value. One array for a request instead of objects for each record.
// It knows nothing of what members mean, and holds only what usage-scan.ts has put down.
import { readJsonFast } from "./json.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json-value.ts";
import { assert } from "./problem.ts";
import type { ScanPlan } from "./scan-plan.ts";

/** What stands in a column. */
export const kindOf = { absent: 0, text: 1, number: 2, true: 3, false: 4, null: 5 } as const;

// Places in a record's row; behind them three for each column.
export const startAt = 0;
export const endAt = 1;
export const isPlainAt = 2;
export const userHashAt = 3;
export const idWordsAt = 4;
export const columnsAt = 10;

// Places in a column: where the value starts, its length and kind, and the hash of a text.
export const perColumn = 3;
export const kindBits = 3;
export const kindMask: number = 2 ** kindBits - 1;

export class ScannedRecords {
  readonly plan: ScanPlan;
  readonly text: string;
  readonly length: number;
  readonly words: Int32Array;
  readonly #stride: number;
  /** By record; says nothing where it is not plain. */
  readonly #values: Float64Array;

  constructor(
    plan: ScanPlan,
    text: string,
    rows: { readonly words: Int32Array; readonly values: Float64Array },
  ) {
    this.plan = plan;
    this.text = text;
    this.length = rows.values.length;
    this.words = rows.words;
    this.#values = rows.values;
    this.#stride = strideOf(plan);
  }

  /** Whether the columns say all; else the record was read by itself. */
  isPlain(record: number): boolean {
    return this.words[record * this.#stride + isPlainAt] === 1;
  }

  /** The record as sent. */
  textOf(record: number): string {
    const row = record * this.#stride;
    return this.text.slice(this.words[row + startAt], this.words[row + endAt]);
  }

  value(record: number): number {
    return this.#values[record] ?? Number.NaN;
  }

  /** `textHash` of the user id. */
  userHash(record: number): number {
    return (this.words[record * this.#stride + userHashAt] ?? 0) | 0;
  }

  /** Where the six words of its id begin, of a record that has one (id-words.ts). */
  idWordsAt(record: number): number {
    return record * this.#stride + idWordsAt;
  }

  kind(record: number, column: number): number {
    return (this.words[this.#placeOf(record, column) + 1] ?? 0) & kindMask;
  }

  /** Where the value starts in the text; of a text, behind its quotation mark. */
  start(record: number, column: number): number {
    return this.words[this.#placeOf(record, column)] ?? 0;
  }

  lengthOf(record: number, column: number): number {
    return (this.words[this.#placeOf(record, column) + 1] ?? 0) >>> kindBits;
  }

  /** Keyed hash of a text and the name of its member. */
  hash(record: number, column: number): number {
    return (this.words[this.#placeOf(record, column) + 2] ?? 0) | 0;
  }

  /** Whether the column holds the text. */
  holds(record: number, column: number, text: string): boolean {
    const place = this.#placeOf(record, column);
    const start = this.words[place] ?? 0;
    const length = (this.words[place + 1] ?? 0) >>> kindBits;
    // Takes less time than `startsWith`.
    return length === text.length && this.text.slice(start, start + length) === text;
  }

  /** What the JSON reader would have made of the member; undefined where it is absent. */
  member(record: number, column: number): JsonValue | undefined {
    const start = this.start(record, column);
    const end = start + this.lengthOf(record, column);
    switch (this.kind(record, column)) {
      case kindOf.text:
        return ownText(this.text, start, end);
      case kindOf.number:
        return Number(this.text.slice(start, end));
      case kindOf.true:
        return true;
      case kindOf.false:
        return false;
      case kindOf.null:
        return null;
      default:
        return undefined;
    }
  }

  /** A text that does not keep the body in memory. */
  ownText(record: number, column: number): string {
    const start = this.start(record, column);
    return ownText(this.text, start, start + this.lengthOf(record, column));
  }

  /** What the JSON reader would have made of the record. */
  fields(record: number): JsonObject {
    const read = readJsonFast(this.textOf(record));
    assert(read.ok && isJsonObject(read.value), "a plain record is a JSON object");
    return read.value;
  }

  #placeOf(record: number, column: number): number {
    return record * this.#stride + columnsAt + column * perColumn;
  }
}

export function strideOf(plan: ScanPlan): number {
  return columnsAt + plan.columns.size * perColumn;
}

/** A slice of fewer units is a copy; a longer one would keep the whole body in memory. */
const copiedBelow = 13;

function ownText(text: string, start: number, end: number): string {
  if (end - start < copiedBelow) return text.slice(start, end);
  return JSON.parse(text.slice(start - 1, end + 1));
}
