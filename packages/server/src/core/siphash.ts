// SipHash-2-4 with 128 bits of output, in 32-bit integers: bigint is too slow for one hash a
// record. Keyed, so that nobody who lacks the key can make ids that collide or fill one table.
// Text is hashed as its UTF-8 bytes. Must never become an unkeyed or truncated hash.
import { assert } from "./problem.ts";

/** The 16 key bytes as four little-endian words. */
export type SipKey = Uint32Array;

/** Bytes of a message, put together before they are hashed. Reused: it keeps its size. */
export class SipMessage {
  #bytes: Uint8Array = new Uint8Array(2_048);
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

  /** Writes the hash into `out[0..3]`: the 16 output bytes as little-endian words. */
  hash(key: SipKey, out: Uint32Array): void {
    assert(key.length === 4 && out.length >= 4, "a SipHash key and its output have four words");
    sipHash128(key, { bytes: this.#bytes, length: this.#length }, out);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(needed * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
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

/**
 * Each step takes a word of 64 bits and makes two rounds; the two last ones take a constant, make
 * four rounds and give half of the hash. v0 to v3 are a to h, low halves first, and stay in locals:
 * from a typed array they would be loaded and stored for each round.
 */
function sipHash128(
  key: SipKey,
  { bytes, length }: { readonly bytes: Uint8Array; readonly length: number },
  out: Uint32Array,
): void {
  // "somepseudorandomlygeneratedbytes" under the key; 0xee in v1 marks the 128-bit variant.
  let a = (key[0] ?? 0) ^ 0x70736575;
  let b = (key[1] ?? 0) ^ 0x736f6d65;
  let c = (key[2] ?? 0) ^ 0x6e646f6d ^ 0xee;
  let d = (key[3] ?? 0) ^ 0x646f7261;
  let e = (key[0] ?? 0) ^ 0x6e657261;
  let f = (key[1] ?? 0) ^ 0x6c796765;
  let g = (key[2] ?? 0) ^ 0x79746573;
  let h = (key[3] ?? 0) ^ 0x74656462;
  const last = length >>> 3;
  for (let step = 0; step <= last + 2; step += 1) {
    const isEnding = step > last;
    const low = isEnding ? 0 : wordOf(bytes, length, step * 8);
    const high = isEnding ? 0 : wordOf(bytes, length, step * 8 + 4);
    if (step === last + 1) e ^= 0xee;
    else if (isEnding) c ^= 0xdd;
    g ^= low;
    h ^= high;
    for (let round = isEnding ? 4 : 2; round > 0; round -= 1) {
      let sum = (a + c) | 0;
      b = (b + d + carry(a, c, sum)) | 0;
      let turned = ((c << 13) | (d >>> 19)) ^ sum;
      d = ((d << 13) | (c >>> 19)) ^ b;
      c = turned;
      a = b;
      b = sum;
      sum = (e + g) | 0;
      f = (f + h + carry(e, g, sum)) | 0;
      e = sum;
      turned = ((g << 16) | (h >>> 16)) ^ e;
      h = ((h << 16) | (g >>> 16)) ^ f;
      g = turned;
      sum = (a + g) | 0;
      b = (b + h + carry(a, g, sum)) | 0;
      a = sum;
      turned = ((g << 21) | (h >>> 11)) ^ a;
      h = ((h << 21) | (g >>> 11)) ^ b;
      g = turned;
      sum = (e + c) | 0;
      f = (f + d + carry(e, c, sum)) | 0;
      turned = ((c << 17) | (d >>> 15)) ^ sum;
      d = ((d << 17) | (c >>> 15)) ^ f;
      c = turned;
      e = f;
      f = sum;
    }
    a ^= low;
    b ^= high;
    if (isEnding) {
      const half = (step - last - 1) * 2;
      out[half] = a ^ c ^ e ^ g;
      out[half + 1] = b ^ d ^ f ^ h;
    }
  }
}

/** Four bytes of the message; behind its end zeros, and the last byte of all its length. */
function wordOf(bytes: Uint8Array, length: number, at: number): number {
  if (at + 4 <= length) return wordAt(bytes, at);
  const count = length - at;
  const rest = count <= 0 ? 0 : wordAt(bytes, at) & (0xffffffff >>> (32 - count * 8));
  return (at & 4) === 0 ? rest : rest | ((length & 0xff) << 24);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

/** The bit that `sum`, the low 32 bits of x + y, lost. */
function carry(x: number, y: number, sum: number): number {
  return ((x & y) | ((x | y) & ~sum)) >>> 31;
}
