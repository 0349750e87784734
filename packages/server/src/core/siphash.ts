// SipHash-2-4 with 128 bits of output. Keyed, so that nobody who lacks the key can make ids that
// collide or fill one table. Text is hashed as its UTF-8 bytes. Must never become an unkeyed or
// truncated hash.
import { assert } from "./problem.ts";
import { hashAt, instantiateSip, keyAt, messageAt, type SipModule } from "./sip-module.ts";

/** The 16 key bytes as four little-endian words. */
export type SipKey = Uint32Array;

const pageBytes = 65_536;
const wordBytes = 4;
/** Bytes behind the message that the module may read. */
const spareBytes = 8;

/** Bytes of a message, put together before they are hashed. Reused: it keeps its size. */
export class SipMessage {
  readonly #module: SipModule = instantiateSip();
  #words: Uint32Array = new Uint32Array(this.#module.memory.buffer);
  #bytes: Uint8Array = new Uint8Array(this.#module.memory.buffer, messageAt);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  /** Little-endian. */
  word(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.byte((value >>> shift) & 0xff);
  }

  /** UTF-8. A lone surrogate, which the JSON reader refuses, becomes three bytes, as any code. */
  text(value: string): void {
    this.#reserve(value.length * 3);
    const bytes = this.#bytes;
    let length = this.#length;
    for (let at = 0; at < value.length; at += 1) {
      const unit = value.charCodeAt(at);
      if (unit < 0x80) {
        bytes[length] = unit;
        length += 1;
      } else {
        const point = value.codePointAt(at) ?? unit;
        if (point > 0xffff) at += 1;
        length = encodePoint(point, bytes, length);
      }
    }
    this.#length = length;
  }

  /** Bytes of another array, from `start` to before `end`. */
  copy(from: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    const bytes = this.#bytes;
    let length = this.#length;
    for (let at = start; at < end; at += 1) {
      bytes[length] = from[at] ?? 0;
      length += 1;
    }
    this.#length = length;
  }

  /** Writes the hash into `out[0..3]`: the 16 output bytes as little-endian words. */
  hash(key: SipKey, out: Uint32Array): void {
    assert(key.length === 4 && out.length >= 4, "a SipHash key and its output have four words");
    const words = this.#words;
    for (let word = 0; word < 4; word += 1) words[keyAt / wordBytes + word] = key[word] ?? 0;
    this.#module.hash(this.#length);
    for (let word = 0; word < 4; word += 1) out[word] = words[hashAt / wordBytes + word] ?? 0;
  }

  #reserve(count: number): void {
    const needed = this.#length + count + spareBytes;
    if (needed <= this.#bytes.length) return;
    const { memory } = this.#module;
    memory.grow(Math.ceil(needed / pageBytes));
    // The memory may have moved.
    this.#words = new Uint32Array(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer, messageAt);
  }
}

function encodePoint(point: number, bytes: Uint8Array, from: number): number {
  let at = from;
  if (point < 0x800) {
    bytes[at++] = 0xc0 | (point >> 6);
  } else if (point < 0x1_0000) {
    bytes[at++] = 0xe0 | (point >> 12);
    bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
  } else {
    bytes[at++] = 0xf0 | (point >> 18);
    bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
    bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
  }
  bytes[at++] = 0x80 | (point & 0x3f);
  return at;
}
