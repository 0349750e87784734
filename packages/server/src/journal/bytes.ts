// Whole numbers and text in bytes, the same on every machine: big-endian, UTF-8. Numbers wider than
// 32 bits are safe integers in eight bytes, because sequence numbers and times pass 2^48.
import { Buffer } from "node:buffer";
import { assert } from "../core/problem.ts";

/** A view, not a copy. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A buffer that owns its memory alone, so that it can be handed to another thread. Not cleared. */
export function ownBuffer(length: number): Buffer<ArrayBuffer> {
  return Buffer.allocUnsafeSlow(length);
}

export function writeUInt64(bytes: Buffer, value: number, offset: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} is no whole number of 53 bits`);
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), offset);
  bytes.writeUInt32BE(value % 2 ** 32, offset + 4);
}

/** A value above 2^53 comes back rounded; callers see it as content that fails its checks. */
export function readUInt64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32BE(offset) * 2 ** 32 + bytes.readUInt32BE(offset + 4);
}

/** Null when the bytes are not UTF-8. A byte order mark stays a character. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
