// Layout of a snapshot file: a head, a frame for each section, an end frame that counts them. The
// first sixteen bytes stay the same in every format version, as in segment files.
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { ownBuffer, readUInt64, writeUInt64 } from "./bytes.ts";

/** Whose state, and after which entry. */
export interface SnapshotPlace {
  readonly partition: number;
  readonly seq: number;
}

export type FrameType = "text" | "bytes" | "end";

export interface FrameHead {
  readonly type: FrameType;
  readonly nameBytes: number;
  /** Bytes of the payload; of the end frame, the number of sections. */
  readonly length: number;
  /** CRC-32 of name and payload. */
  readonly contentCrc: number;
}

/** Nothing that was released has written an older one, so none is read. */
export const snapshotFormatVersion = 2;
export const snapshotHeadBytes = 32;
export const frameHeadBytes = 28;
/** Bytes of one section's payload: what one string or buffer can surely hold. */
export const sectionBytesMax: number = 256 * 1024 * 1024;

/**
 * Magic (8 bytes), format version (32 bits), CRC-32 of these two; partition (32 bits), sequence (64
 * bits), CRC-32 of everything before.
 */
export function encodeSnapshotHead({ partition, seq }: SnapshotPlace): Buffer<ArrayBuffer> {
  const bytes = ownBuffer(snapshotHeadBytes);
  snapshotMagic.copy(bytes, 0);
  bytes.writeUInt32BE(snapshotFormatVersion, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 12)), 12);
  bytes.writeUInt32BE(partition, 16);
  writeUInt64(bytes, seq, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 28)), 28);
  return bytes;
}

/** The version alone when it is another one; null when the head is damaged. */
export function parseSnapshotHead(bytes: Buffer): SnapshotPlace | { foreign: number } | null {
  if (bytes.length < 16 || !bytes.subarray(0, 8).equals(snapshotMagic)) return null;
  if (crc32(bytes.subarray(0, 12)) !== bytes.readUInt32BE(12)) return null;
  const version = bytes.readUInt32BE(8);
  if (version !== snapshotFormatVersion) return { foreign: version };
  if (bytes.length < snapshotHeadBytes) return null;
  if (crc32(bytes.subarray(0, 28)) !== bytes.readUInt32BE(28)) return null;
  return { partition: bytes.readUInt32BE(16), seq: readUInt64(bytes, 20) };
}

/** Magic, type (8 bits), bytes of the name (16), length (64), CRC-32 of the content, of the head. */
export function encodeFrameHead(head: FrameHead): Buffer<ArrayBuffer> {
  const bytes = ownBuffer(frameHeadBytes).fill(0);
  frameMagic.copy(bytes, 0);
  bytes.writeUInt8(frameTypes.indexOf(head.type), 8);
  bytes.writeUInt16BE(head.nameBytes, 10);
  writeUInt64(bytes, head.length, 12);
  bytes.writeUInt32BE(head.contentCrc, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 24)), 24);
  return bytes;
}

export function parseFrameHead(bytes: Buffer): FrameHead | null {
  if (bytes.length < frameHeadBytes || !bytes.subarray(0, 8).equals(frameMagic)) return null;
  if (crc32(bytes.subarray(0, 24)) !== bytes.readUInt32BE(24)) return null;
  const type = frameTypes[bytes.readUInt8(8)];
  const length = readUInt64(bytes, 12);
  if (type === undefined || length > sectionBytesMax) return null;
  return { type, nameBytes: bytes.readUInt16BE(10), length, contentCrc: bytes.readUInt32BE(20) };
}

const snapshotMagic = Buffer.from([0xdc, 0xdc, 0xdc, 0xdc, 0x4d, 0x48, 0x50, 0x31]);
const frameMagic = Buffer.from([0xdc, 0xdc, 0xdc, 0xdc, 0x4d, 0x48, 0x46, 0x31]);
const frameTypes: readonly FrameType[] = ["end", "text", "bytes"];
