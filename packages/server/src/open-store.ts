// The stores of one data directory, locked, opened and recovered: what the server and the commands
// that work on a directory share. Puts journal, snapshots, projection and engine together, and takes
// them apart in order. It decides nothing itself; every refusal is one sentence.
import { readRestoreMark, removeRestoreMark } from "./backup/restore-mark.ts";
import type { Config } from "./config.ts";
import { fail, ok, type Result } from "./core/problem.ts";
import { dataDirectory } from "./data-directory.ts";
import type { GroupEngine } from "./engine/engine.ts";
import { openEngine } from "./engine/open-engine.ts";
import { Retention } from "./engine/retention.ts";
import type { SnapshotStore } from "./engine/stores.ts";
import { engineSettings, keptLists, partition } from "./engine-settings.ts";
import { gaugesOf } from "./gauges.ts";
import { IdRuns } from "./ids/id-runs.ts";
import { openPageFile } from "./ids/page-files.ts";
import type { Disk } from "./journal/disk.ts";
import type { Journal } from "./journal/journal.ts";
import { openJournal } from "./journal/open-journal.ts";
import { createSnapshots } from "./journal/snapshot-store.ts";
import { openThreadDisk } from "./journal/thread-disk.ts";
import { openProjection, type Projection } from "./projection/database.ts";
import { ProjectionError } from "./projection/projection-error.ts";
import { lockDirectory } from "./runtime/directory-lock.ts";
import type { Log } from "./runtime/log.ts";
import { createSystemClock, createSystemRandom } from "./runtime/system-ports.ts";
import type { Telemetry } from "./runtime/telemetry.ts";
import { createTemporalZones } from "./runtime/zones.ts";

/** What tells of the store's work. */
interface Surroundings {
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly onFailed: (cause: unknown) => void;
}

/** The stores of one data directory, locked and opened; the engine is not recovered yet. */
export interface Store {
  readonly projection: Projection;
  /**
   * Replays what is due; only once. After a failure `close` is still to be called. `onReleased` is
   * told of each group from then on.
   */
  recover(onReleased?: () => void): Promise<Result<GroupEngine, string>>;
  /** Keeps the files of journal and snapshots in place until the result is called. */
  holdFiles(): Promise<() => void>;
  /** Closes what is open, in order; the lock of the directory last. */
  close(): Promise<void>;
}

/** Locks the data directory and opens journal and projection. A failure is one sentence. */
export async function openStore(
  config: Config,
  surroundings: Surroundings,
): Promise<Result<Store, string>> {
  const { dataDirectory: directory } = config;
  const lock = lockDirectory(directory);
  if (!lock.ok) return fail(lock.error.detail);
  const disks = [openThreadDisk(), openThreadDisk()] as const;
  const release = async (): Promise<void> => {
    for (const disk of disks) await disk.close();
    lock.value.release();
  };
  const restored = readRestoreMark(directory);
  const opened = restored.ok ? await openParts(directory, disks) : restored;
  if (opened.ok) return ok(storeOf(config, { ...opened.value, ...surroundings }, release));
  await release();
  return opened;
}

interface StoreParts {
  readonly journal: Journal;
  readonly snapshots: SnapshotStore;
  readonly oldIds: IdRuns;
  readonly projection: Projection;
}

async function openParts(
  directory: string,
  [journalDisk, snapshotDisk]: readonly [Disk, Disk],
): Promise<Result<StoreParts, string>> {
  const places = dataDirectory(directory);
  const place = { disk: journalDisk, directory: places.journal, partition };
  const opened = await openJournal(place);
  if (!opened.ok) return fail(opened.error.message);
  const journal = opened.value;
  try {
    const projection = openProjection(places.projection, { zones: createTemporalZones() });
    const kept = { directory: places.snapshots, partition };
    const snapshots = createSnapshots(snapshotDisk, kept);
    const oldIds = new IdRuns({
      disk: snapshotDisk,
      openPages: openPageFile,
      directory: places.ids,
      partition,
    });
    return ok({ journal, snapshots, oldIds, projection });
  } catch (error) {
    await journal.close();
    if (error instanceof ProjectionError) return fail(error.message);
    throw error;
  }
}

function storeOf(
  config: Config,
  parts: StoreParts & Surroundings,
  release: () => Promise<void>,
): Store {
  const { journal, projection, telemetry, log } = parts;
  let close = async (): Promise<void> => {
    parts.oldIds.close();
    projection.close();
    await journal.close();
  };
  let holdFiles = (): Promise<() => void> => Promise.reject(new Error("nothing is open yet"));
  return {
    projection,
    async recover(onReleased = () => undefined): Promise<Result<GroupEngine, string>> {
      const world = {
        clock: createSystemClock(),
        random: createSystemRandom(),
        zones: createTemporalZones(),
      };
      const settings = engineSettings(config);
      const ids = { store: parts.oldIds, inMemoryMax: config.idsInMemoryMax };
      const restored = readRestoreMark(config.dataDirectory);
      if (!restored.ok) return restored;
      const stores = {
        ...parts,
        ids,
        outputs: projection,
        corrections: projection.corrections.worked,
        restoredAt: restored.value,
        onReleased,
      };
      const opened = await openEngine({ ...stores, ...world, settings });
      if (!opened.ok) return opened;
      if (restored.value !== null) removeRestoreMark(config.dataDirectory);
      holdFiles = opened.value.holdFiles;
      const { engine, replayed } = opened.value;
      const retention = new Retention({
        ...{ store: projection, log, clock: world.clock, keepMs: keptLists(config) },
        lastEntryAt: () => engine.state.time,
      });
      retention.start();
      close = async () => {
        await retention.stop();
        await opened.value.close();
      };
      log.info({ seq: engine.state.seq, replayed }, "state recovered");
      telemetry.observe(() => gaugesOf(opened.value, journal));
      return ok(engine);
    },
    holdFiles: () => holdFiles(),
    async close(): Promise<void> {
      await close();
      await release();
    },
  };
}
