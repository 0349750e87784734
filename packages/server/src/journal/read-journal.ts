// A journal that is only read: the files of a directory up to a sequence, as they are, and their
// entries. For copies and checks; nothing is repaired, synced or cut, so that it also works beside a
// running server and on files that nobody may write to.
import type { Entry } from "../core/entry.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Disk } from "./disk.ts";
import { checkTornCreation, findSegments, readTail } from "./find-segments.ts";
import { replaySegments, type Segment } from "./replay.ts";

export interface ReadJournal {
  /** In order; `bytes` of the last one end with the block of `lastSeq`. */
  readonly segments: readonly Segment[];
  /** Every entry after this one is there. */
  readonly startsAfter: number;
  readonly lastSeq: number;
  readonly lastTime: EpochMs;
  /** Bytes at the very end that a stop left half-written; they belong to nothing. */
  readonly tornBytes: number;
  replay(afterSeq: number): AsyncIterable<readonly Entry[]>;
}

/**
 * Reads names and heads, and the last segment up to its end or to the block that holds `upTo`. Throws
 * `JournalDamage` and `DiskError`.
 */
export async function readJournal(
  disk: Disk,
  directory: string,
  { partition, upTo }: { readonly partition: number; readonly upTo: number | null },
): Promise<ReadJournal> {
  const found = await findSegments(disk, directory, partition);
  const known = found.segments.filter(
    ({ previousSeq }, index) => index === 0 || upTo === null || previousSeq < upTo,
  );
  const tail = await readTail(disk, known.at(-1), upTo ?? undefined);
  if (upTo === null) checkTornCreation(found, tail);
  const last = tail === null ? [] : [{ ...tail.segment, bytes: tail.end }];
  const segments = [...known.slice(0, -1), ...last];
  const torn = upTo === null && tail !== null ? tail.segment.bytes - tail.end : 0;
  const lastSeq = tail?.lastSeq ?? 0;
  return {
    segments,
    startsAfter: segments[0]?.previousSeq ?? 0,
    lastSeq,
    lastTime: tail?.lastTime ?? 0,
    tornBytes: torn + (upTo === null ? (found.torn?.bytes ?? 0) : 0),
    replay: (afterSeq) => replaySegments(disk, segments, { afterSeq, lastSeq }),
  };
}
