// Checks a snapshot file from end to end, and gives its sections back one by one. A file is checked
// wholly before anything of it is used, because a state cannot be half loaded.

import { crc32 } from "node:zlib";
import { fail, ok, type Result } from "../core/problem.ts";
import type { Section } from "../core/snapshot.ts";
import { decodeUtf8 } from "./bytes.ts";
import { JournalDamage } from "./damage.ts";
import type { Disk } from "./disk.ts";
import { FileWindow } from "./file-window.ts";
import {
  type FrameHead,
  frameHeadBytes,
  parseFrameHead,
  parseSnapshotHead,
  type SnapshotPlace,
  snapshotFormatVersion,
  snapshotHeadBytes,
} from "./snapshot-format.ts";

/** Reads the whole file; gives its size. Throws `DiskError`. */
export async function verifySnapshot(
  disk: Disk,
  path: string,
  expected: SnapshotPlace,
): Promise<Result<number, JournalDamage>> {
  try {
    for await (const _frame of readFrames(disk, path, { ...expected, withPayload: false })) {
      // Every frame was checked on the way.
    }
    return ok(await disk.size(path));
  } catch (error) {
    if (error instanceof JournalDamage) return fail(error);
    throw error;
  }
}

/** Throws `JournalDamage` where the file does not hold what its checksums say. */
export async function* readSections(
  disk: Disk,
  path: string,
  expected: SnapshotPlace,
): AsyncGenerator<Section, void, undefined> {
  for await (const { head, name, offset, payload } of readFrames(disk, path, {
    ...expected,
    withPayload: true,
  })) {
    if (head.type === "bytes") {
      yield { name, bytes: payload };
      continue;
    }
    const text = decodeUtf8(payload);
    // Given back at once: there are thousands, and memory that waits to be collected stays taken.
    payload.buffer.transfer(0);
    if (text === null) throw damaged(path, offset, `section ${name} is no text`);
    yield { name, text };
  }
}

interface Frame {
  readonly offset: number;
  readonly head: FrameHead;
  readonly name: string;
  /** Owns its memory; empty unless asked for. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

async function* readFrames(
  disk: Disk,
  path: string,
  expected: SnapshotPlace & { readonly withPayload: boolean },
): AsyncGenerator<Frame, void, undefined> {
  const window = new FileWindow(disk, path, await disk.size(path));
  try {
    yield* framesIn(window, path, expected);
  } finally {
    await window.rest();
  }
}

async function* framesIn(
  window: FileWindow,
  path: string,
  expected: SnapshotPlace & { readonly withPayload: boolean },
): AsyncGenerator<Frame, void, undefined> {
  checkHead(path, parseSnapshotHead(await window.bytesAt(0, snapshotHeadBytes)), expected);
  let offset = snapshotHeadBytes;
  for (let count = 0; ; count += 1) {
    const frameOffset = offset;
    const head = parseFrameHead(await window.bytesAt(offset, frameHeadBytes));
    if (head === null) throw damaged(path, offset, `the head of section ${count} is damaged`);
    const start = offset + frameHeadBytes;
    if (head.type === "end") {
      if (head.length === count && start === window.size) return;
      throw damaged(path, offset, `the end does not fit the ${count} sections before it`);
    }
    const nameBytes = await window.bytesAt(start, head.nameBytes);
    const name = decodeUtf8(nameBytes) ?? "";
    const crc = crc32(nameBytes);
    const range = { start: start + head.nameBytes, length: head.length };
    offset = range.start + range.length;
    const payload = new Uint8Array(
      expected.withPayload && offset <= window.size ? range.length : 0,
    );
    if ((await readPayload(window, { ...range, crc }, payload)) !== head.contentCrc) {
      throw damaged(path, frameOffset, `section ${count} is damaged`);
    }
    yield { offset: frameOffset, head, name, payload };
  }
}

const pieceBytes = 1024 * 1024;

/** CRC-32 of the range, going on from `crc`; copies it into `payload` unless that is empty. */
async function readPayload(
  window: FileWindow,
  range: { readonly start: number; readonly length: number; readonly crc: number },
  payload: Uint8Array,
): Promise<number> {
  let { crc } = range;
  for (let done = 0; done < range.length; done += pieceBytes) {
    const wanted = Math.min(pieceBytes, range.length - done);
    const piece = await window.bytesAt(range.start + done, wanted);
    crc = crc32(piece, crc);
    if (payload.length > 0) payload.set(piece, done);
  }
  return crc;
}

function checkHead(
  path: string,
  head: SnapshotPlace | { readonly foreign: number } | null,
  expected: SnapshotPlace,
): void {
  if (head === null) throw damaged(path, 0, "the head of the snapshot is damaged");
  if ("foreign" in head) {
    const what = `its snapshot format is ${head.foreign}, the known one ${snapshotFormatVersion}`;
    throw new JournalDamage("newer-version", { file: path, offset: 8, what });
  }
  if (head.partition !== expected.partition) {
    const what = `the snapshot belongs to partition ${head.partition}, not ${expected.partition}`;
    throw new JournalDamage("wrong-partition", { file: path, offset: 16, what });
  }
  if (head.seq !== expected.seq) {
    throw damaged(path, 20, `the file was renamed; it holds the state after entry ${head.seq}`);
  }
}

function damaged(file: string, offset: number, what: string): JournalDamage {
  return new JournalDamage("damaged", { file, offset, what });
}
