// Opens a journal directory: checks names, heads and order of the segments, reads the last one
// wholly, cuts off what a stop left half-written, and makes the rest durable before anyone relies on
// it. Damage is refused with its place, and then nothing has been changed.
import { fail, ok, type Result } from "../core/problem.ts";
import { JournalDamage } from "./damage.ts";
import { type Disk, DiskError, type DiskFile } from "./disk.ts";
import {
  checkTornCreation,
  type Found,
  findSegments,
  readTail,
  type Tail,
} from "./find-segments.ts";
import { Journal } from "./journal.ts";

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
