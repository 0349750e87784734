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

/** v0 to v3, low word first. One for the module: hashing is never interrupted. */
const state = new Int32Array(8);

function sipHash128(
  key: SipKey,
  { bytes, length }: { readonly bytes: Uint8Array; readonly length: number },
  out: Uint32Array,
): void {
  start(key);
  const end = length & ~7;
  for (let at = 0; at < end; at += 8) block(wordAt(bytes, at), wordAt(bytes, at + 4));
  const rest = length - end;
  const low = lastBytes(bytes, end, Math.min(rest, 4));
  block(low, lastBytes(bytes, end + 4, rest - 4) | ((length & 0xff) << 24));
  flip(4, 0xee);
  rounds(4);
  fold(out, 0);
  flip(2, 0xdd);
  rounds(4);
  fold(out, 2);
}

/** "somepseudorandomlygeneratedbytes" under the key; 0xee in v1 marks the 128-bit variant. */
function start(key: SipKey): void {
  const k0 = key[0] ?? 0;
  const k1 = key[1] ?? 0;
  const k2 = key[2] ?? 0;
  const k3 = key[3] ?? 0;
  state[0] = k0 ^ 0x70736575;
  state[1] = k1 ^ 0x736f6d65;
  state[2] = k2 ^ 0x6e646f6d ^ 0xee;
  state[3] = k3 ^ 0x646f7261;
  state[4] = k0 ^ 0x6e657261;
  state[5] = k1 ^ 0x6c796765;
  state[6] = k2 ^ 0x79746573;
  state[7] = k3 ^ 0x74656462;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

/** Fewer than eight bytes are left; `count` of them as a word, the rest of it zero. */
function lastBytes(bytes: Uint8Array, at: number, count: number): number {
  return count <= 0 ? 0 : wordAt(bytes, at) & (0xffffffff >>> (32 - count * 8));
}

function block(low: number, high: number): void {
  flip(6, low);
  flip(7, high);
  rounds(2);
  flip(0, low);
  flip(1, high);
}

function flip(index: number, bits: number): void {
  state[index] = (state[index] ?? 0) ^ bits;
}

function fold(out: Uint32Array, index: number): void {
  for (let half = 0; half < 2; half += 1) {
    let folded = 0;
    for (let word = half; word < 8; word += 2) folded ^= state[word] ?? 0;
    out[index + half] = folded;
  }
}

/** SipRound, `count` times. The low and high halves of v0 to v3 are a to h, in this order. */
function rounds(count: number): void {
  // One by one: a typed array taken apart as a list goes through an iterator.
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  let e = state[4] ?? 0;
  let f = state[5] ?? 0;
  let g = state[6] ?? 0;
  let h = state[7] ?? 0;
  for (let round = 0; round < count; round += 1) {
    let low = (a + c) | 0;
    b = (b + d + carry(a, c, low)) | 0;
    a = low;
    let turned = ((c << 13) | (d >>> 19)) ^ a;
    d = ((d << 13) | (c >>> 19)) ^ b;
    c = turned;
    low = a;
    a = b;
    b = low;

    low = (e + g) | 0;
    f = (f + h + carry(e, g, low)) | 0;
    e = low;
    turned = ((g << 16) | (h >>> 16)) ^ e;
    h = ((h << 16) | (g >>> 16)) ^ f;
    g = turned;

    low = (a + g) | 0;
    b = (b + h + carry(a, g, low)) | 0;
    a = low;
    turned = ((g << 21) | (h >>> 11)) ^ a;
    h = ((h << 21) | (g >>> 11)) ^ b;
    g = turned;

    low = (e + c) | 0;
    f = (f + d + carry(e, c, low)) | 0;
    e = low;
    turned = ((c << 17) | (d >>> 15)) ^ e;
    d = ((d << 17) | (c >>> 15)) ^ f;
    c = turned;
    low = e;
    e = f;
    f = low;
  }
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
  state[4] = e;
  state[5] = f;
  state[6] = g;
  state[7] = h;
}

/** The bit that `sum`, the low 32 bits of x + y, lost. */
function carry(x: number, y: number, sum: number): number {
  return ((x & y) | ((x | y) & ~sum)) >>> 31;
}
