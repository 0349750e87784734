// Finds the segments of a journal directory without changing anything: checks names, heads and their
// order, and reads the last one to its end. Opening for writing and reading a copy both begin here.
import { basename, join } from "node:path";
import type { EpochMs } from "../core/ports.ts";
import { BlockReader } from "./block-reader.ts";
import { lastTimeOf } from "./blocks.ts";
import { JournalDamage } from "./damage.ts";
import type { Disk } from "./disk.ts";
import { damaged, type Segment } from "./replay.ts";
import { parseSegmentHead, previousSeqOfName, segmentHeadBytes, segmentPath } from "./segments.ts";

export interface Found {
  readonly segments: readonly Segment[];
  /** A last file whose head was never made durable: no entry can be in it. */
  readonly torn: Segment | null;
}

/** The last segment with a head, read to its end. */
export interface Tail {
  readonly path: string;
  readonly segment: Segment;
  /** Where the sound part ends; what follows was never acknowledged. */
  readonly end: number;
  /** Where the last durable write began: the last block, or the head. */
  readonly lastWriteAt: number;
  readonly lastSeq: number;
  readonly lastTime: EpochMs;
}

export async function findSegments(
  disk: Disk,
  directory: string,
  partition: number,
): Promise<Found> {
  const names = (await disk.list(directory)).filter((name) => previousSeqOfName(name) !== null);
  const segments: Segment[] = [];
  for (const [index, name] of names.entries()) {
    const path = join(directory, name);
    const bytes = await disk.size(path);
    const head = parseSegmentHead(path, await disk.read(path, 0, segmentHeadBytes));
    const previousSeq = previousSeqOfName(name) ?? 0;
    if (head === null) {
      const isLast = index === names.length - 1;
      if (isLast && bytes <= segmentHeadBytes) {
        return { segments, torn: { path, previousSeq, previousTime: 0, bytes } };
      }
      throw damaged(path, { offset: 0, what: "the head of the segment is damaged" });
    }
    if (head.partition !== partition) {
      const what = `the segment belongs to partition ${head.partition}, not to ${partition}`;
      throw new JournalDamage("wrong-partition", { file: path, offset: 16, what });
    }
    if (head.previousSeq !== previousSeq) {
      const correct = basename(segmentPath(directory, head.previousSeq));
      throw damaged(path, { offset: 20, what: `the file was renamed; its name is ${correct}` });
    }
    segments.push({ path, previousSeq, previousTime: head.previousTime, bytes });
  }
  return { segments, torn: null };
}

/** Reads blocks to the end of the file, or no further than the one that holds `lastSeq`. */
export async function readTail(
  disk: Disk,
  segment: Segment | undefined,
  lastSeqWanted: number = Number.POSITIVE_INFINITY,
): Promise<Tail | null> {
  if (segment === undefined) return null;
  const { path } = segment;
  const file = { path, size: segment.bytes, offset: segmentHeadBytes };
  const reader = new BlockReader(disk, file, segment.previousSeq);
  let lastWriteAt = 0;
  let lastTime = segment.previousTime;
  for (;;) {
    if (reader.previousSeq >= lastSeqWanted) break;
    const next = await reader.next();
    if (next.found === "block") {
      lastWriteAt = next.offset;
      lastTime = lastTimeOf(next.head, next.payload) ?? lastTime;
      continue;
    }
    if (next.found === "fault" && !next.torn) {
      await reader.rest();
      throw damaged(path, next);
    }
    break;
  }
  await reader.rest();
  const { offset: end, previousSeq: lastSeq } = reader;
  return { path, segment, end, lastWriteAt, lastSeq, lastTime };
}

/** A file without a head is believed to be new only where the next new one would be. */
export function checkTornCreation({ torn }: Found, tail: Tail | null): void {
  if (torn === null || torn.previousSeq === (tail?.lastSeq ?? 0)) return;
  const { previousSeq, path } = torn;
  if (tail === null) {
    const what = `its head is damaged, and the files with the entries up to ${previousSeq} are gone`;
    throw new JournalDamage("missing", { file: path, offset: 0, what });
  }
  const what = `the entries from ${tail.lastSeq + 1} to ${previousSeq} are missing at its end`;
  throw damaged(tail.path, { offset: tail.end, what });
}
