// The state that a start begins with: that of the newest snapshot, read once and checked on the way.
// Where there is anything to be said about it, everything read so far is thrown away, and the
// snapshots are checked one by one before any is used.
import { AssertionError, fail, ok, type Result } from "../core/problem.ts";
import { Restorer, type Section } from "../core/snapshot.ts";
import { State } from "../core/state.ts";
import type { EngineLog, JournalStore, OutputStore, SnapshotStore } from "./stores.ts";

interface Stores {
  readonly journal: JournalStore;
  readonly outputs: OutputStore;
  readonly snapshots: SnapshotStore;
  readonly log: EngineLog;
}

/** An error text names what does not fit and what to do. */
export async function restoreState(stores: Stores): Promise<Result<State, string>> {
  const newest = await newestState(stores);
  return newest === null ? await soundState(stores) : ok(newest);
}

/** Of the newest snapshot, in one reading; null when there is anything to be said about it. */
async function newestState({ journal, outputs, snapshots }: Stores): Promise<State | null> {
  if (outputs.appliedSeq > journal.lastSeq) return null;
  const newest = await snapshots.readNewest(journal);
  if (newest === null || outputs.appliedSeq < newest.seq) return null;
  try {
    return await restored(newest.sections());
  } catch (error) {
    if (error instanceof AssertionError) throw error;
    return null;
  }
}

/** Of the newest snapshot that is sound and can be used; an empty one where there is none. */
async function soundState(stores: Stores): Promise<Result<State, string>> {
  const { journal, outputs, snapshots, log } = stores;
  const latest = await snapshots.readLatest(journal);
  if (!latest.ok) return fail(latest.error.message);
  for (const repair of latest.value.repairs) log.warn({ repair }, "repaired");
  if (outputs.appliedSeq > journal.lastSeq) {
    return fail(
      `The projection holds outputs up to entry ${outputs.appliedSeq}, but the journal ends with ` +
        `entry ${journal.lastSeq}: the two are not of one time. Restore the journal that belongs ` +
        "to it, or move projection.db away to have it rebuilt from this one.",
    );
  }
  const { snapshot } = latest.value;
  // A projection behind the snapshot is brought up from the entries before it.
  const isBehind = snapshot !== null && outputs.appliedSeq < snapshot.seq;
  if (isBehind && journal.startsAfter > 0) {
    return fail(
      `The projection ends at entry ${outputs.appliedSeq}, before the snapshot at ${snapshot.seq}, ` +
        `and the journal begins after entry ${journal.startsAfter}: it cannot be rebuilt. ` +
        "Restore projection.db from a backup.",
    );
  }
  const usable = isBehind ? null : snapshot;
  return ok(usable === null ? new State() : await restored(usable.sections()));
}

async function restored(sections: AsyncIterable<Section>): Promise<State> {
  const restorer = new Restorer();
  for await (const section of sections) restorer.take(section);
  return restorer.state;
}
