// Plain records of a usage body, put down in rows: where the members of each stand, its value and its
// hashes, in one pass over the bytes. It refuses whatever it is not made for without saying why; then
// the row says nothing. It makes no object for a record: there may be very many.
import { fingerprintOfBytes, type IdBytes } from "./fingerprint.ts";
import { closeBrace, colon, comma, dot, isDigit, isSpace, minus, quote } from "./json-codes.ts";
import { recordIdBytesMax, recordStringCharactersMax, userIdCharactersMax } from "./limits.ts";
import { MemberHash } from "./member-hash.ts";
import { type ScanContext, type ScannedName, userIdColumn, valueColumn } from "./scan-plan.ts";
import {
  columnsAt,
  idWordsAt,
  kindBits,
  kindMask,
  kindOf,
  perColumn,
  strideOf,
  userHashAt,
} from "./scanned-records.ts";

/** Members that a plain record may have: one bit each tells those that were met. */
const membersMax = 31;
/**
 * By place in a record: the number of the name that the last record had there. A guess, so that it may
 * come from another body.
 */
const order: Uint8Array = new Uint8Array(membersMax);
const fingerprint: Uint32Array = new Uint32Array(4);
/** Digits that a double always carries. */
const digitsMax = 15;
const powersOfTen: readonly number[] = Array.from({ length: digitsMax + 1 }, (_, at) => 10 ** at);

export class PlainRecords {
  /** Value of the record that was read last. */
  value = 0;
  readonly #bytes: Uint8Array;
  readonly #context: ScanContext;
  readonly #hash: MemberHash;
  readonly #idBytes: IdBytes;
  readonly #stride: number;
  readonly #names: ScannedName[];
  #words: Int32Array = new Int32Array(0);
  #row = 0;
  /** How many more bytes than units stand before the record. */
  #shift = 0;
  #number = 0;

  constructor(bytes: Uint8Array, context: ScanContext) {
    this.#bytes = bytes;
    this.#context = context;
    this.#hash = new MemberHash(bytes, context.key);
    this.#idBytes = { bytes, userStart: 0, userEnd: 0, idStart: 0, idEnd: 0 };
    this.#stride = strideOf(context.plan);
    this.#names = context.plan.names;
    // Makes room where names were met that no record may have any more.
    if (this.#names.length > membersMax / 2) this.#names.length = 0;
  }

  /** Where the next record is put, and how many more bytes than units stand before it. */
  use(words: Int32Array, row: number, shift: number): void {
    this.#words = words;
    this.#row = row;
    this.#shift = shift;
  }

  /** Reads the record whose brace stands at `start`; gives the place behind it, or -1. */
  read(start: number): number {
    const bytes = this.#bytes;
    this.#clear();
    let met = 0;
    let at = skipSpace(bytes, start + 1);
    for (let index = 0; index < membersMax; index += 1) {
      const name = bytes[at] === quote ? this.#nameAt(index, at + 1) : -1;
      // A name that the record has already is for the strict reader to refuse.
      if (name < 0 || (met & (1 << name)) !== 0) return -1;
      met |= 1 << name;
      at = skipSpace(bytes, at + 2 + (this.#names[name]?.bytes.length ?? 0));
      if (bytes[at] !== colon) return -1;
      at = this.#valueOf(name, skipSpace(bytes, at + 1));
      if (at < 0) return -1;
      at = skipSpace(bytes, at);
      const next = bytes[at];
      if (next === closeBrace) return this.#finish() ? at + 1 : -1;
      if (next !== comma) return -1;
      at = skipSpace(bytes, at + 1);
    }
    return -1;
  }

  #clear(): void {
    const words = this.#words;
    const end = this.#row + this.#stride;
    for (let at = this.#row; at < end; at += 1) words[at] = 0;
    this.#hash.begin();
  }

  /** Number of the name that stands there; -1 where it is not plain, or one too many. */
  #nameAt(index: number, start: number): number {
    const names = this.#names;
    const expected = order[index] ?? 0;
    if (this.#isName(expected, start)) return expected;
    let number = 0;
    while (number < names.length && !this.#isName(number, start)) number += 1;
    if (number === membersMax) return -1;
    if (number === names.length) {
      const end = endOfText(this.#bytes, start);
      if (end < 0 || end - start > recordStringCharactersMax) return -1;
      // A copy: it stays longer than the body.
      const bytes = Uint8Array.from(this.#bytes.subarray(start, end));
      const column = this.#context.plan.columns.get(String.fromCharCode(...bytes)) ?? -1;
      names.push({ bytes, column, hash: this.#hash.name(start, end) });
    }
    order[index] = number;
    return number;
  }

  /** Whether the name, and the quotation mark that ends it, stand there. */
  #isName(number: number, start: number): boolean {
    const name = this.#names[number]?.bytes;
    if (name === undefined) return false;
    const bytes = this.#bytes;
    for (let at = 0; at < name.length; at += 1) {
      if (name[at] !== bytes[start + at]) return false;
    }
    return bytes[start + name.length] === quote;
  }

  /** Puts down a member's value, which starts here; gives the place behind it, or -1. */
  #valueOf(name: number, start: number): number {
    const bytes = this.#bytes;
    const member = this.#names[name];
    if (member === undefined) return -1;
    const { column, hash } = member;
    const first = bytes[start] ?? 0;
    if (first === quote) {
      const end = endOfText(bytes, start + 1);
      if (end < 0 || end - start > recordStringCharactersMax) return -1;
      const textHash = this.#hash.addText(hash, start + 1, end);
      if (column < 0) return end + 1;
      this.#put(column, start + 1, ((end - start - 1) << kindBits) | kindOf.text);
      this.#words[this.#placeOf(column) + 2] = textHash;
      return end + 1;
    }
    if (first === minus || isDigit(first)) {
      const end = this.#readNumber(start);
      if (end < 0) return -1;
      this.#hash.addNumber(hash, this.#number);
      if (column === valueColumn) this.value = this.#number;
      if (column >= 0) this.#put(column, start, ((end - start) << kindBits) | kindOf.number);
      return end;
    }
    const word = wordAt(bytes, start);
    if (word === null) return -1;
    this.#hash.addWord(hash, word);
    if (column >= 0) this.#put(column, start, (word.length << kindBits) | kindOf[word]);
    return start + word.length;
  }

  #put(column: number, start: number, lengthAndKind: number): void {
    const place = this.#placeOf(column);
    this.#words[place] = start - this.#shift;
    this.#words[place + 1] = lengthAndKind;
  }

  #placeOf(column: number): number {
    return this.#row + columnsAt + column * perColumn;
  }

  /** Reads the number that starts here; gives the place behind it, or -1. */
  #readNumber(start: number): number {
    const bytes = this.#bytes;
    const first = bytes[start] === minus ? start + 1 : start;
    let at = first;
    let units = 0;
    for (; isDigit(bytes[at] ?? 0); at += 1) units = units * 10 + (bytes[at] ?? 0) - 0x30;
    let digits = at - first;
    if (digits === 0 || (digits > 1 && bytes[first] === 0x30)) return -1;
    let places = 0;
    if (bytes[at] === dot) {
      const fraction = at + 1;
      at = fraction;
      for (; isDigit(bytes[at] ?? 0); at += 1) units = units * 10 + (bytes[at] ?? 0) - 0x30;
      places = at - fraction;
      digits += places;
      if (places === 0) return -1;
    }
    if (digits > digitsMax || ((bytes[at] ?? 0) | 0x20) === 0x65) return -1;
    // Both are whole numbers that a double carries, so the quotient is the nearest to the decimal.
    const size = units / (powersOfTen[places] ?? 1);
    this.#number = first === start ? size : -size;
    return at;
  }

  /** The hashes; false where user id, record id or value is not of the usual kind. */
  #finish(): boolean {
    const { plan, key } = this.#context;
    const words = this.#words;
    const idBytes = this.#idBytes;
    const userPlace = this.#placeOf(userIdColumn);
    const user = words[userPlace + 1] ?? 0;
    const userLength = user >>> kindBits;
    const isUser = (user & kindMask) === kindOf.text && userLength > 0;
    const value = words[this.#placeOf(valueColumn) + 1] ?? 0;
    if (!isUser || userLength > userIdCharactersMax || (value & kindMask) !== kindOf.number) {
      return false;
    }
    idBytes.userStart = (words[userPlace] ?? 0) + this.#shift;
    idBytes.userEnd = idBytes.userStart + userLength;
    words[this.#row + userHashAt] = this.#hash.text(idBytes.userStart, idBytes.userEnd);
    const idPlace = this.#placeOf(plan.idColumn);
    const id = words[idPlace + 1] ?? 0;
    const kind = id & kindMask;
    if (kind === kindOf.absent || kind === kindOf.null) return true;
    if (kind !== kindOf.text || id >>> kindBits > recordIdBytesMax) return false;
    idBytes.idStart = (words[idPlace] ?? 0) + this.#shift;
    idBytes.idEnd = idBytes.idStart + (id >>> kindBits);
    if (idBytes.idStart === idBytes.idEnd) return true;
    fingerprintOfBytes(key, idBytes, fingerprint);
    for (let word = 0; word < 4; word += 1) {
      words[this.#row + idWordsAt + word] = fingerprint[word] ?? 0;
    }
    this.#hash.end(words, this.#row + idWordsAt + fingerprint.length);
    return true;
  }
}

/** Place of the quotation mark that ends the text which starts here; -1 for any that is not plain. */
function endOfText(bytes: Uint8Array, start: number): number {
  for (let at = start; ; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) return at;
    if (byte < 0x20 || byte >= 0x80 || byte === 0x5c) return -1;
  }
}

function wordAt(bytes: Uint8Array, start: number): "true" | "false" | "null" | null {
  if (isAt(bytes, start, trueBytes)) return "true";
  if (isAt(bytes, start, falseBytes)) return "false";
  return isAt(bytes, start, nullBytes) ? "null" : null;
}

const trueBytes: readonly number[] = [0x74, 0x72, 0x75, 0x65];
const falseBytes: readonly number[] = [0x66, 0x61, 0x6c, 0x73, 0x65];
const nullBytes: readonly number[] = [0x6e, 0x75, 0x6c, 0x6c];

function isAt(bytes: Uint8Array, start: number, word: readonly number[]): boolean {
  return word.every((byte, at) => bytes[start + at] === byte);
}

export function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  // Mostly there is none.
  while ((bytes[at] ?? 0) <= 0x20 && isSpace(bytes[at] ?? 0)) at += 1;
  return at;
}
