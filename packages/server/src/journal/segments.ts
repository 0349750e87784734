// Segment files: their names, their heads, and what a journal directory may hold. Each names the
// entry before its first one, in its name and in its head, so that a missing file shows. The first
// sixteen bytes of a head stay the same in every format version, so that a newer one is recognised.
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { EpochMs } from "../core/ports.ts";
import { bufferOf, ownBuffer, readUInt64, writeUInt64 } from "./bytes.ts";
import { JournalDamage } from "./damage.ts";

export const segmentFormatVersion = 1;
export const segmentHeadBytes = 48;

export interface SegmentHead {
  readonly partition: number;
  /** Sequence and time of the last entry before this segment; 0 and 0 when there is none. */
  readonly previousSeq: number;
  readonly previousTime: EpochMs;
}

/**
 * Magic (8 bytes), format version (32 bits), CRC-32 of these two; partition (32 bits), previous
 * sequence and time (64 bits each), eight zero bytes, CRC-32 of everything before.
 */
export function encodeSegmentHead(head: SegmentHead): Buffer<ArrayBuffer> {
  const bytes = ownBuffer(segmentHeadBytes).fill(0);
  segmentMagic.copy(bytes, 0);
  bytes.writeUInt32BE(segmentFormatVersion, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 12)), 12);
  bytes.writeUInt32BE(head.partition, 16);
  writeUInt64(bytes, head.previousSeq, 20);
  writeUInt64(bytes, head.previousTime, 28);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 44)), 44);
  return bytes;
}

/** Null when the head is torn or damaged; throws `newer-version`. */
export function parseSegmentHead(file: string, content: Uint8Array): SegmentHead | null {
  const bytes = bufferOf(content);
  if (bytes.length < preludeBytes) return null;
  if (!bytes.subarray(0, segmentMagic.length).equals(segmentMagic)) return null;
  if (crc32(bytes.subarray(0, 12)) !== bytes.readUInt32BE(12)) return null;
  const version = bytes.readUInt32BE(8);
  if (version > segmentFormatVersion) {
    const what = `its journal format ${version} is newer than the known ${segmentFormatVersion}`;
    throw new JournalDamage("newer-version", { file, offset: 8, what });
  }
  if (bytes.length < segmentHeadBytes) return null;
  if (crc32(bytes.subarray(0, 44)) !== bytes.readUInt32BE(44)) return null;
  return {
    partition: bytes.readUInt32BE(16),
    previousSeq: readUInt64(bytes, 20),
    previousTime: readUInt64(bytes, 28),
  };
}

/** Named for the lowest sequence that the segment can hold, so that names sort in order. */
export function segmentPath(directory: string, previousSeq: number): string {
  return join(directory, `segment-${String(previousSeq + 1).padStart(16, "0")}.log`);
}

/** The previous sequence that a name states; null for any other file. */
export function previousSeqOfName(name: string): number | null {
  const digits = /^segment-([0-9]{16})\.log$/u.exec(name)?.[1];
  if (digits === undefined) return null;
  const lowest = Number.parseInt(digits, 10);
  return Number.isSafeInteger(lowest) && lowest > 0 ? lowest - 1 : null;
}

const segmentMagic = Buffer.from([0xdc, 0xdc, 0xdc, 0xdc, 0x4d, 0x48, 0x53, 0x31]);
const preludeBytes = 16;
