// Opens journals on simulated disks for tests, and reads back everything that they hold.
import type { Entry } from "../../src/core/entry.ts";
import type { Result } from "../../src/core/problem.ts";
import type { JournalDamage } from "../../src/journal/damage.ts";
import type { Disk, DiskError } from "../../src/journal/disk.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { openJournal } from "../../src/journal/open-journal.ts";

export const journalDirectory = "data/journal";

export function openOn(
  disk: Disk,
  segmentBytesMax = 1_000_000,
): Promise<Result<Journal, JournalDamage | DiskError>> {
  return openJournal({ disk, directory: journalDirectory, partition: 0, segmentBytesMax });
}

/** The journal; a failure to open fails the test. */
export async function openedOn(disk: Disk, segmentBytesMax?: number): Promise<Journal> {
  const opened = await openOn(disk, segmentBytesMax);
  if (!opened.ok) throw opened.error;
  return opened.value;
}

export async function replayed(journal: Journal, afterSeq = journal.startsAfter): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const block of journal.replay(afterSeq)) entries.push(...block);
  return entries;
}

/** What can be read without an error, and the error; opening counts as reading. */
export async function readAll(
  disk: Disk,
): Promise<{ readonly entries: readonly Entry[]; readonly error: unknown; repairs: number }> {
  const entries: Entry[] = [];
  const opened = await openOn(disk);
  if (!opened.ok) return { entries, error: opened.error, repairs: 0 };
  const repairs = opened.value.repairs.length;
  try {
    for await (const block of opened.value.replay(0)) entries.push(...block);
    return { entries, error: null, repairs };
  } catch (error) {
    return { entries, error, repairs };
  } finally {
    await opened.value.close();
  }
}
