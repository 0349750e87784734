// Gives the entries of segments back in order, file by file, block by block, in bounded memory. What
// it cannot give back without a gap it refuses with the place of the damage; it changes nothing.
import type { Entry } from "../core/entry.ts";
import type { EpochMs } from "../core/ports.ts";
import { BlockReader, type FoundBlock } from "./block-reader.ts";
import { decodePayload, lastSeqOf } from "./blocks.ts";
import { JournalDamage } from "./damage.ts";
import type { Disk } from "./disk.ts";
import { segmentHeadBytes } from "./segments.ts";

/** A segment file of a journal. */
export interface Segment {
  readonly path: string;
  /** The last entry before this segment; 0 and 0 when there is none. */
  readonly previousSeq: number;
  readonly previousTime: EpochMs;
  /** Bytes that are durable. */
  readonly bytes: number;
}

export interface ReplayRange {
  /** Entries up to this one are left out; it may lie anywhere. */
  readonly afterSeq: number;
  /** The last entry that there must be. */
  readonly lastSeq: number;
}

/**
 * Each item holds the entries of one block. Throws `JournalDamage`, also when the segments do not
 * reach from `afterSeq` to `lastSeq`, and `DiskError`.
 */
export async function* replaySegments(
  disk: Disk,
  segments: readonly Segment[],
  range: ReplayRange,
): AsyncGenerator<readonly Entry[], void, undefined> {
  for (const [index, segment] of segments.entries()) {
    const endSeq = segments[index + 1]?.previousSeq ?? range.lastSeq;
    if (endSeq <= range.afterSeq) continue;
    yield* replaySegment(disk, segment, { afterSeq: range.afterSeq, lastSeq: endSeq });
  }
}

async function* replaySegment(
  disk: Disk,
  segment: Segment,
  range: ReplayRange,
): AsyncGenerator<readonly Entry[], void, undefined> {
  const file = { path: segment.path, size: segment.bytes, offset: segmentHeadBytes };
  const reader = new BlockReader(disk, file, segment.previousSeq);
  try {
    yield* entriesIn(segment, reader, range);
  } finally {
    await reader.rest();
  }
}

async function* entriesIn(
  segment: Segment,
  reader: BlockReader,
  { afterSeq, lastSeq }: ReplayRange,
): AsyncGenerator<readonly Entry[], void, undefined> {
  let time = segment.previousTime;
  while (reader.previousSeq < lastSeq) {
    const next = await reader.next();
    if (next.found === "end") throw endsEarly(segment, reader, lastSeq);
    if (next.found === "fault") throw damaged(segment.path, next);
    if (lastSeqOf(next.head) <= afterSeq) continue;
    const entries = entriesOf(segment.path, next);
    time = checkTimes(entries, time, { file: segment.path, offset: next.offset });
    yield next.head.firstSeq > afterSeq ? entries : entries.filter(({ seq }) => seq > afterSeq);
  }
  if (reader.previousSeq !== lastSeq || reader.offset !== segment.bytes) {
    const what = `entry ${lastSeq} should be the last one of this file, but more follows`;
    throw damaged(segment.path, { offset: reader.offset, what });
  }
}

/** Throws `newer-version` when a sound block holds what this release does not know. */
function entriesOf(file: string, block: FoundBlock): readonly Entry[] {
  const decoded = decodePayload(block.head, block.payload);
  if (decoded.ok) return decoded.value;
  throw new JournalDamage("newer-version", { file, offset: block.offset, what: decoded.error });
}

export function damaged(
  file: string,
  at: { readonly offset: number; readonly what: string },
): JournalDamage {
  return new JournalDamage("damaged", { file, offset: at.offset, what: at.what });
}

function endsEarly(segment: Segment, reader: BlockReader, lastSeq: number): JournalDamage {
  const what = `the file ends after entry ${reader.previousSeq}, but should reach entry ${lastSeq}`;
  return damaged(segment.path, { offset: reader.offset, what });
}

function checkTimes(
  entries: readonly Entry[],
  before: EpochMs,
  at: { readonly file: string; readonly offset: number },
): EpochMs {
  let time = before;
  for (const entry of entries) {
    if (entry.time < time) {
      const what = `entry ${entry.seq} is older than the one before it`;
      throw damaged(at.file, { offset: at.offset, what });
    }
    time = entry.time;
  }
  return time;
}
