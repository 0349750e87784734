// Snapshot files: a state at one sequence, in named sections, so that a start need not replay the
// whole journal. Written under another name, synced, renamed; the last two are kept. They only save
// time: a damaged one is never used, and never hides that the journal alone cannot make up for it.
import { join } from "node:path";
import { fail, ok, type Result } from "../core/problem.ts";
import type { Section } from "../core/snapshot.ts";
import { JournalDamage } from "./damage.ts";
import { asDiskError, type Disk, type DiskError } from "./disk.ts";
import type { SnapshotPlace } from "./snapshot-format.ts";
import { readSections, verifySnapshot } from "./snapshot-reader.ts";
import { writeSections } from "./snapshot-writer.ts";

export interface WrittenSnapshot {
  readonly path: string;
  readonly bytes: number;
  /**
   * Entries after this one must stay in the journal: the older of the two kept snapshots, 0 as long
   * as there is one only. `removeSegments({ beforeSeq: neededAfter + 1, … })`.
   */
  readonly neededAfter: number;
}

export interface ReadSnapshot {
  readonly seq: number;
  readonly path: string;
  readonly bytes: number;
  /** In the order written. May be read once or more; throws where the file is damaged. */
  readonly sections: () => AsyncIterable<Section>;
}

export interface LatestSnapshot {
  /** Null: there is none that can be used, and the journal holds everything from the start. */
  readonly snapshot: ReadSnapshot | null;
  /** Sentences for the log: damaged snapshots that were set aside. */
  readonly repairs: readonly string[];
}

/**
 * Writes a snapshot and removes all but the last two. On failure what was there before is still
 * there. One call at a time. The sections are drawn one by one while earlier ones are written: they
 * must show one state, whatever changes meanwhile.
 */
export async function writeSnapshot(
  disk: Disk,
  directory: string,
  snapshot: SnapshotPlace & { readonly sections: Iterable<Section> | AsyncIterable<Section> },
): Promise<Result<WrittenSnapshot, DiskError>> {
  const path = snapshotPath(directory, snapshot.seq);
  const temporary = `${path}${temporarySuffix}`;
  try {
    await disk.makeDirectory(directory);
    await removeLeftovers(disk, directory);
    const bytes = await writeSections(disk, temporary, snapshot);
    await disk.rename(temporary, path);
    const sequences = await listSnapshots(disk, directory);
    for (const seq of sequences.slice(keptSnapshots)) {
      await disk.remove(snapshotPath(directory, seq));
    }
    // One sync for all names: if only the removal survives a crash, the one before is still there.
    await disk.syncDirectory(directory);
    return ok({ path, bytes, neededAfter: sequences[keptSnapshots - 1] ?? 0 });
  } catch (error) {
    await disk.remove(temporary).catch(asDiskError);
    return fail(asDiskError(error));
  }
}

/**
 * The newest sound snapshot that the journal can continue. A damaged newer one is set aside under
 * another name and told of. `JournalDamage` when the journal cannot make up for what is damaged, when
 * it ends before the newest snapshot, or when a later release or another partition wrote one.
 */
export async function readLatestSnapshot(
  disk: Disk,
  directory: string,
  expected: {
    readonly partition: number;
    readonly journal: { readonly startsAfter: number; readonly lastSeq: number };
  },
): Promise<Result<LatestSnapshot, JournalDamage | DiskError>> {
  const { partition, journal } = expected;
  try {
    await disk.makeDirectory(directory);
    await removeLeftovers(disk, directory);
    const faults: JournalDamage[] = [];
    for (const seq of await listSnapshots(disk, directory)) {
      const path = snapshotPath(directory, seq);
      if (seq > journal.lastSeq) return fail(journalEndsEarly(path, seq, journal.lastSeq));
      const verified = await verifySnapshot(disk, path, { partition, seq });
      if (!verified.ok) {
        if (verified.error.kind !== "damaged") return fail(verified.error);
        faults.push(verified.error);
        continue;
      }
      if (seq < journal.startsAfter) break;
      const sections = () => readSections(disk, path, { partition, seq });
      const snapshot: ReadSnapshot = { seq, path, bytes: verified.value, sections };
      return ok({ snapshot, repairs: await setAside(disk, directory, faults) });
    }
    if (journal.startsAfter > 0) return fail(faults[0] ?? noSnapshot(directory, journal));
    return ok({ snapshot: null, repairs: await setAside(disk, directory, faults) });
  } catch (error) {
    return fail(asDiskError(error));
  }
}

/**
 * The newest snapshot by its name, when the journal can continue it: one reading instead of two. It
 * is checked as it is read: whoever reads it throws away what came of it when that fails, and asks
 * `readLatestSnapshot`. Null where that is to be asked at once.
 */
export async function newestSnapshot(
  disk: Disk,
  directory: string,
  expected: {
    readonly partition: number;
    readonly journal: { readonly startsAfter: number; readonly lastSeq: number };
  },
): Promise<Pick<ReadSnapshot, "seq" | "sections"> | null> {
  const { partition, journal } = expected;
  try {
    await disk.makeDirectory(directory);
    await removeLeftovers(disk, directory);
    const [seq] = await listSnapshots(disk, directory);
    if (seq === undefined || seq > journal.lastSeq || seq < journal.startsAfter) return null;
    const path = snapshotPath(directory, seq);
    return { seq, sections: () => readSections(disk, path, { partition, seq }) };
  } catch (error) {
    asDiskError(error);
    return null;
  }
}

const keptSnapshots = 2;
const temporarySuffix = ".tmp";
const damagedSuffix = ".damaged";

export function snapshotPath(directory: string, seq: number): string {
  return join(directory, `snapshot-${String(seq).padStart(16, "0")}.bin`);
}

/** Sequences of the snapshots, newest first. */
export async function listSnapshots(disk: Disk, directory: string): Promise<readonly number[]> {
  const digits = (await disk.list(directory)).map(
    (name) => /^snapshot-([0-9]{16})\.bin$/u.exec(name)?.[1] ?? "",
  );
  return digits
    .map((text) => Number.parseInt(text, 10))
    .filter(Number.isSafeInteger)
    .sort((a, b) => b - a);
}

/** What a stop left of a snapshot that was being written. */
async function removeLeftovers(disk: Disk, directory: string): Promise<void> {
  for (const name of await disk.list(directory)) {
    if (name.startsWith("snapshot-") && name.endsWith(temporarySuffix)) {
      await disk.remove(join(directory, name));
    }
  }
}

async function setAside(
  disk: Disk,
  directory: string,
  faults: readonly JournalDamage[],
): Promise<readonly string[]> {
  for (const fault of faults) await disk.rename(fault.file, `${fault.file}${damagedSuffix}`);
  if (faults.length > 0) await disk.syncDirectory(directory);
  return faults.map(
    ({ file, offset }) =>
      `${file}: damaged at byte ${offset}; set aside as ${file}${damagedSuffix}, ` +
      "an older snapshot and the journal take its place.",
  );
}

function journalEndsEarly(file: string, seq: number, lastSeq: number): JournalDamage {
  const what =
    `the snapshot holds entries up to ${seq}, but the journal ends with entry ${lastSeq}; ` +
    "its newest part is missing";
  return new JournalDamage("missing", { file, offset: 0, what });
}

function noSnapshot(directory: string, journal: { readonly startsAfter: number }): JournalDamage {
  const what = `no snapshot reaches entry ${journal.startsAfter}, after which the journal begins`;
  return new JournalDamage("missing", { file: directory, offset: 0, what });
}
