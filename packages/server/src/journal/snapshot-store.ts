// The snapshots of one partition in one directory, in the shape that the engine asks for. What a
// snapshot file is, snapshot-files.ts says.
import type { Result } from "../core/problem.ts";
import type { Section } from "../core/snapshot.ts";
import type { JournalDamage } from "./damage.ts";
import type { Disk, DiskError } from "./disk.ts";
import {
  type LatestSnapshot,
  newestSnapshot,
  type ReadSnapshot,
  readLatestSnapshot,
  type WrittenSnapshot,
  writeSnapshot,
} from "./snapshot-files.ts";

export interface Snapshots {
  /** One call at a time; on failure the earlier snapshots are still there. */
  write(snapshot: {
    readonly seq: number;
    readonly sections: AsyncIterable<Section>;
  }): Promise<Result<WrittenSnapshot, DiskError>>;
  /** The newest that this journal can continue, not checked before it is read; null: see below. */
  readNewest(journal: {
    readonly startsAfter: number;
    readonly lastSeq: number;
  }): Promise<Pick<ReadSnapshot, "seq" | "sections"> | null>;
  /** The newest sound snapshot that this journal can continue. */
  readLatest(journal: {
    readonly startsAfter: number;
    readonly lastSeq: number;
  }): Promise<Result<LatestSnapshot, JournalDamage | DiskError>>;
}

export function createSnapshots(
  disk: Disk,
  { directory, partition }: { directory: string; partition: number },
): Snapshots {
  return {
    write: (snapshot) => writeSnapshot(disk, directory, { ...snapshot, partition }),
    readNewest: ({ startsAfter, lastSeq }) =>
      newestSnapshot(disk, directory, { partition, journal: { startsAfter, lastSeq } }),
    readLatest: ({ startsAfter, lastSeq }) =>
      readLatestSnapshot(disk, directory, { partition, journal: { startsAfter, lastSeq } }),
  };
}
