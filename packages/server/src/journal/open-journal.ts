// Opens a journal directory: checks names, heads and order of the segments, reads the last one
// wholly, cuts off what a stop left half-written, and makes the rest durable before anyone relies on
// it. Damage is refused with its place, and then nothing has been changed.
import { basename, join } from "node:path";
import type { EpochMs } from "../core/ports.ts";
import { fail, ok, type Result } from "../core/problem.ts";
import { BlockReader } from "./block-reader.ts";
import { lastTimeOf } from "./blocks.ts";
import { JournalDamage } from "./damage.ts";
import { type Disk, DiskError, type DiskFile } from "./disk.ts";
import { Journal } from "./journal.ts";
import { damaged, type Segment } from "./replay.ts";
import { parseSegmentHead, previousSeqOfName, segmentHeadBytes, segmentPath } from "./segments.ts";

/** Bytes after which a new segment is begun, unless told otherwise. */
const segmentBytesMaxDefault: number = 64 * 1024 * 1024;

export interface JournalOptions {
  readonly disk: Disk;
  /** Made when it is not there. Nothing else may be called `segment-<16 digits>.log` in it. */
  readonly directory: string;
  readonly partition: number;
  readonly segmentBytesMax?: number;
}

/**
 * An empty directory is an empty journal. Only the last segment's content is checked here; the
 * others' when they are replayed.
 */
export async function openJournal(
  options: JournalOptions,
): Promise<Result<Journal, JournalDamage | DiskError>> {
  const { disk, directory, partition, segmentBytesMax = segmentBytesMaxDefault } = options;
  try {
    await disk.makeDirectory(directory);
    const found = await findSegments(disk, directory, partition);
    const tail = await readTail(disk, found.segments.at(-1));
    checkTornCreation(found, tail);
    const repairs = await removeTorn(disk, found);
    const activeFile = tail === null ? null : await openTail(disk, tail, repairs);
    await disk.syncDirectory(directory);
    const active = tail === null ? [] : [{ ...tail.segment, bytes: tail.end }];
    const segments = [...found.segments.slice(0, -1), ...active];
    const { lastSeq, lastTime } = tail ?? { lastSeq: 0, lastTime: 0 };
    const start = { disk, directory, partition, segmentBytesMax, segments, activeFile };
    return ok(new Journal({ ...start, lastSeq, lastTime, repairs }));
  } catch (error) {
    if (error instanceof JournalDamage || error instanceof DiskError) return fail(error);
    throw error;
  }
}

interface Found {
  readonly segments: readonly Segment[];
  /** A last file whose head was never made durable: no entry can be in it. */
  readonly torn: Segment | null;
}

/** The last segment with a head, read to its end. */
interface Tail {
  readonly path: string;
  readonly segment: Segment;
  /** Where the sound part ends; what follows was never acknowledged. */
  readonly end: number;
  /** Where the last durable write began: the last block, or the head. */
  readonly lastWriteAt: number;
  readonly lastSeq: number;
  readonly lastTime: EpochMs;
}

async function findSegments(disk: Disk, directory: string, partition: number): Promise<Found> {
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

async function readTail(disk: Disk, segment: Segment | undefined): Promise<Tail | null> {
  if (segment === undefined) return null;
  const { path } = segment;
  const file = { path, size: segment.bytes, offset: segmentHeadBytes };
  const reader = new BlockReader(disk, file, segment.previousSeq);
  let lastWriteAt = 0;
  let lastTime = segment.previousTime;
  for (;;) {
    const next = await reader.next();
    if (next.found === "block") {
      lastWriteAt = next.offset;
      lastTime = lastTimeOf(next.head, next.payload) ?? lastTime;
      continue;
    }
    if (next.found === "fault" && !next.torn) throw damaged(path, next);
    const { offset: end, previousSeq: lastSeq } = reader;
    return { path, segment, end, lastWriteAt, lastSeq, lastTime };
  }
}

/** A file without a head is believed to be new only where the next new one would be. */
function checkTornCreation({ torn }: Found, tail: Tail | null): void {
  if (torn === null || torn.previousSeq === (tail?.lastSeq ?? 0)) return;
  const { previousSeq, path } = torn;
  if (tail === null) {
    const what = `its head is damaged, and the files with the entries up to ${previousSeq} are gone`;
    throw new JournalDamage("missing", { file: path, offset: 0, what });
  }
  const what = `the entries from ${tail.lastSeq + 1} to ${previousSeq} are missing at its end`;
  throw damaged(tail.path, { offset: tail.end, what });
}

/** Gives the sentences for the log. */
async function removeTorn(disk: Disk, { torn }: Found): Promise<string[]> {
  if (torn === null) return [];
  await disk.remove(torn.path);
  return [`${torn.path}: removed; its making was interrupted before it held an entry.`];
}

/**
 * Cuts off what was never acknowledged. Then writes the last durable write again: after a failed
 * sync the system may show bytes that are not on disk, and would call them synced.
 */
async function openTail(disk: Disk, tail: Tail, repairs: string[]): Promise<DiskFile> {
  const { path, end, lastSeq, lastWriteAt } = tail;
  const surplus = tail.segment.bytes - end;
  const file = await disk.open(path);
  try {
    if (surplus > 0) {
      await file.truncateDurably(end);
      const cut = `cut ${surplus} bytes of a torn write at byte ${end}`;
      repairs.push(`${path}: ${cut}, after entry ${lastSeq}.`);
    }
    await file.writeDurably(lastWriteAt, await disk.read(path, lastWriteAt, end - lastWriteAt));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
