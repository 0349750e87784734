// Blocks: what one group commit writes. A head with checksums and its place in the order, then the
// entries. Each block names the sequence before it, so that a lost or foreign block shows; its magic
// can be part of no UTF-8 text, so that nothing a caller sends can pass for the start of a block.
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { Entry } from "../core/entry.ts";
import type { EpochMs } from "../core/ports.ts";
import { assert, fail, ok, type Result } from "../core/problem.ts";
import { bufferOf, ownBuffer, readUInt64, writeUInt64 } from "./bytes.ts";
import { decodeBody, encodeBody } from "./entry-codec.ts";

/** 0xDC starts a two-byte character and never continues one: two in a row are no UTF-8. */
export const blockMagic: Buffer = Buffer.from([0xdc, 0xdc, 0xdc, 0xdc, 0x4d, 0x48, 0x42, 0x31]);
export const blockHeadBytes = 40;
/** Bytes of the entries of one block. The engine's groups are far smaller (groupBytesMax). */
const blockPayloadBytesMax: number = 64 * 1024 * 1024;

export interface BlockHead {
  /** The last entry before this block; 0 when there is none. */
  readonly previousSeq: number;
  readonly firstSeq: number;
  readonly entryCount: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

export interface EncodedBlock {
  /** Owns its memory. */
  readonly bytes: Buffer<ArrayBuffer>;
  readonly lastSeq: number;
  readonly lastTime: EpochMs;
}

/**
 * Head: magic, previous and first sequence (64 bits each), count of entries, bytes and CRC-32 of the
 * payload, CRC-32 of the head before it. Payload: for each entry its length (32 bits), its time (64
 * bits) and its encoded body.
 */
export function encodeBlock(previousSeq: number, entries: readonly Entry[]): EncodedBlock {
  const first = entries[0];
  const last = entries.at(-1);
  assert(first !== undefined && last !== undefined, "a block has at least one entry");
  const bodies = entries.map((entry) => encodeBody(entry.body));
  const payloadBytes = bodies.reduce((sum, body) => sum + entryHeadBytes + body.length, 0);
  assert(payloadBytes <= blockPayloadBytesMax, `a block of ${payloadBytes} bytes is too large`);
  const bytes = ownBuffer(blockHeadBytes + payloadBytes);
  let offset = blockHeadBytes;
  entries.forEach((entry, index) => {
    const body = bodies[index];
    assert(body !== undefined && entry.seq === first.seq + index, "sequences have no gaps");
    bytes.writeUInt32BE(body.length, offset);
    writeUInt64(bytes, entry.time, offset + 4);
    body.writeTo(bytes, offset + entryHeadBytes);
    offset += entryHeadBytes + body.length;
  });
  blockMagic.copy(bytes, 0);
  writeUInt64(bytes, previousSeq, 8);
  writeUInt64(bytes, first.seq, 16);
  bytes.writeUInt32BE(entries.length, 24);
  bytes.writeUInt32BE(payloadBytes, 28);
  bytes.writeUInt32BE(crc32(bytes.subarray(blockHeadBytes)), 32);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 36)), 36);
  return { bytes, lastSeq: last.seq, lastTime: last.time };
}

/** Null when the bytes are no head of a block; `bytes` may be longer or shorter than one. */
export function parseBlockHead(bytes: Uint8Array): BlockHead | null {
  if (bytes.length < blockHeadBytes) return null;
  const head = bufferOf(bytes.subarray(0, blockHeadBytes));
  if (!head.subarray(0, blockMagic.length).equals(blockMagic)) return null;
  if (crc32(head.subarray(0, 36)) !== head.readUInt32BE(36)) return null;
  const previousSeq = readUInt64(head, 8);
  const firstSeq = readUInt64(head, 16);
  const entryCount = head.readUInt32BE(24);
  const payloadBytes = head.readUInt32BE(28);
  const sound =
    firstSeq > previousSeq &&
    entryCount > 0 &&
    Number.isSafeInteger(firstSeq + entryCount - 1) &&
    payloadBytes <= blockPayloadBytesMax;
  if (!sound) return null;
  return { previousSeq, firstSeq, entryCount, payloadBytes, payloadCrc: head.readUInt32BE(32) };
}

export function isPayloadSound(head: BlockHead, payload: Uint8Array): boolean {
  return payload.length === head.payloadBytes && crc32(payload) === head.payloadCrc;
}

export function lastSeqOf(head: BlockHead): number {
  return head.firstSeq + head.entryCount - 1;
}

/**
 * The entries of a sound payload. An error means that another release wrote it, or that the bytes
 * were wrong before their checksum was made.
 */
export function decodePayload(head: BlockHead, payload: Uint8Array): Result<Entry[], string> {
  const bytes = bufferOf(payload);
  const entries: Entry[] = [];
  let offset = 0;
  for (let index = 0; index < head.entryCount; index += 1) {
    if (offset + entryHeadBytes > bytes.length) return fail("a block ends within an entry");
    const length = bytes.readUInt32BE(offset);
    const time = readUInt64(bytes, offset + 4);
    const start = offset + entryHeadBytes;
    if (start + length > bytes.length) return fail("a block ends within an entry");
    const body = decodeBody(bytes.subarray(start, start + length));
    if (!body.ok) return body;
    entries.push({ seq: head.firstSeq + index, time, body: body.value });
    offset = start + length;
  }
  if (offset !== bytes.length) return fail("a block has bytes after its last entry");
  return ok(entries);
}

/** Time of the last entry of a sound payload, without decoding the entries. */
export function lastTimeOf(head: BlockHead, payload: Uint8Array): EpochMs | null {
  const bytes = bufferOf(payload);
  let offset = 0;
  let time: EpochMs | null = null;
  for (let index = 0; index < head.entryCount; index += 1) {
    if (offset + entryHeadBytes > bytes.length) return null;
    time = readUInt64(bytes, offset + 4);
    offset += entryHeadBytes + bytes.readUInt32BE(offset);
  }
  return time;
}

const entryHeadBytes = 12;
