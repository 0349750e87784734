// Checks a data directory or a backup from end to end and changes nothing: every checksum of the
// manifest, every block and entry of the journal, every snapshot, the projection's own integrity,
// the conservation law, and that replaying the journal gives the snapshots and the lists that are
// there. What it finds is a list of lines; a fault never hides the checks after it.
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { apply } from "../core/apply.ts";
import { conservationFault } from "../core/conservation.ts";
import { AssertionError } from "../core/problem.ts";
import { Restorer } from "../core/snapshot.ts";
import { State } from "../core/state.ts";
import { stateLines } from "../core/state-lines.ts";
import { dataDirectory } from "../data-directory.ts";
import { deliveryFacts } from "../delivery/delivery-facts.ts";
import { IdSpiller } from "../engine/id-spiller.ts";
import { partition } from "../engine-settings.ts";
import { IdRuns } from "../ids/id-runs.ts";
import { openPageFile } from "../ids/page-files.ts";
import type { Disk } from "../journal/disk.ts";
import { type ReadJournal, readJournal } from "../journal/read-journal.ts";
import { listSnapshots, snapshotPath } from "../journal/snapshot-files.ts";
import { readSections, verifySnapshot } from "../journal/snapshot-reader.ts";
import { integrityFaults, openUnwritten } from "../projection/copy-database.ts";
import { type CheckedProjection, checkProjection } from "../projection/copy-projection.ts";
import { filesIn, isExpected, runsNamedBy } from "./make-backup.ts";
import { manifestName } from "./manifest.ts";
import { checkFiles } from "./restore-backup.ts";
import { digest, itemDigest, Told } from "./told.ts";

export interface Finding {
  readonly isFault: boolean;
  readonly text: string;
}

interface Snapshot {
  readonly seq: number;
  readonly path: string;
}

/** Nobody may write to the directory meanwhile. */
export async function verifyData(
  root: string,
  disk: Disk,
  tell: (finding: Finding) => void,
): Promise<boolean> {
  const check = new Check(root, disk, tell);
  await check.run();
  return check.isSound;
}

class Check {
  isSound = true;
  readonly #root: string;
  readonly #disk: Disk;
  readonly #tell: (finding: Finding) => void;
  readonly #runs: IdRuns[] = [];

  constructor(root: string, disk: Disk, tell: (finding: Finding) => void) {
    this.#root = root;
    this.#disk = disk;
    this.#tell = tell;
  }

  async run(): Promise<void> {
    const places = dataDirectory(this.#root);
    if (existsSync(`${this.#root}/${manifestName}`)) await this.#step(() => this.#manifest());
    const journal = await this.#step(() =>
      readJournal(this.#disk, places.journal, { partition, upTo: null }),
    );
    const snapshots = (await this.#step(() => this.#snapshots(places.snapshots))) ?? [];
    for (const snapshot of snapshots) await this.#step(() => this.#ids(snapshot));
    const projection = await this.#step(async () => this.#projection(places.projection));
    if (existsSync(places.deliveries)) {
      const lastSeq = journal?.lastSeq ?? Number.POSITIVE_INFINITY;
      await this.#step(async () => this.#deliveries(places.deliveries, lastSeq));
    }
    if (journal !== undefined) {
      await this.#step(() => this.#replay(journal, snapshots, projection ?? null));
    }
    projection?.close();
    for (const runs of this.#runs) runs.close();
  }

  /** Damage that is thrown is a finding; the checks after it go on. */
  async #step<T>(check: () => Promise<T>): Promise<T | undefined> {
    try {
      return await check();
    } catch (error) {
      if (!isExpected(error) && !(error instanceof AssertionError)) throw error;
      this.#fault(error.message);
      return undefined;
    }
  }

  #good(text: string): void {
    this.#tell({ isFault: false, text });
  }

  #fault(text: string): void {
    this.isSound = false;
    this.#tell({ isFault: true, text });
  }

  async #manifest(): Promise<void> {
    const checked = checkFiles(this.#root, () => {});
    if (!checked.ok) {
      this.#fault(checked.error);
      return;
    }
    const { files, seq, version } = checked.value;
    this.#good(`manifest: ${files.length} files as written by ${version}, up to entry ${seq}`);
  }

  /** Oldest first. */
  async #snapshots(directory: string): Promise<readonly Snapshot[]> {
    if (filesIn(directory).length === 0) return [];
    const sound: Snapshot[] = [];
    for (const seq of await listSnapshots(this.#disk, directory)) {
      const path = snapshotPath(directory, seq);
      const verified = await verifySnapshot(this.#disk, path, { partition, seq });
      if (!verified.ok) {
        this.#fault(verified.error.message);
        continue;
      }
      this.#good(`${basename(path)}: ${verified.value} bytes, every section sound`);
      sound.unshift({ seq, path });
    }
    return sound;
  }

  #projection(file: string): CheckedProjection {
    const projection = checkProjection(file);
    for (const fault of projection.faults) this.#fault(`${basename(file)}: ${fault}`);
    const { meters, appliedSeq } = projection;
    this.#good(`${basename(file)}: ${meters} meters, outputs up to entry ${appliedSeq}`);
    return projection;
  }

  #deliveries(file: string, lastSeq: number): void {
    const database = openUnwritten(file);
    try {
      for (const fault of integrityFaults(database)) this.#fault(`${basename(file)}: ${fault}`);
      const { destinations, pending, cursorSeq } = deliveryFacts(database);
      if (cursorSeq > lastSeq) {
        const end = `the journal ends with entry ${lastSeq}`;
        this.#fault(`${basename(file)}: delivered up to entry ${cursorSeq}, but ${end}.`);
      }
      this.#good(`${basename(file)}: ${destinations} destinations, ${pending} deliveries pending`);
    } finally {
      database.close();
    }
  }

  /** From the first entry where the journal has it, else from the oldest snapshot. */
  async #replay(
    journal: ReadJournal,
    snapshots: readonly Snapshot[],
    projection: CheckedProjection | null,
  ): Promise<void> {
    const { startsAfter, lastSeq } = journal;
    const newest = snapshots.at(-1)?.seq ?? 0;
    if (newest > lastSeq) this.#fault(`The journal ends with entry ${lastSeq}, before a snapshot.`);
    const base = startsAfter === 0 ? null : snapshots.find(({ seq }) => seq >= startsAfter);
    if (base === undefined) {
      this.#fault(`No snapshot reaches entry ${startsAfter}.`);
      return;
    }
    const state = base === null ? new State() : await this.#restored(base);
    const { seq: from } = state;
    const later = new Map(snapshots.filter(({ seq }) => seq > from).map((one) => [one.seq, one]));
    const told = new Told(from, projection?.appliedSeq ?? 0, projection?.prunedTo ?? null);
    told.look(state);
    let entries = 0;
    for await (const block of journal.replay(startsAfter)) {
      for (const entry of block) {
        entries += 1;
        if (entry.seq <= from) continue;
        told.take(apply(state, entry).outputs);
      }
      told.look(state);
      const snapshot = later.get(state.seq);
      if (snapshot !== undefined) await this.#compare(snapshot, state);
    }
    const torn = journal.tornBytes === 0 ? "" : `; ${journal.tornBytes} torn bytes at its end`;
    const range = `from entry ${startsAfter + 1} to ${state.seq}`;
    this.#good(`journal: ${journal.segments.length} files, ${entries} entries ${range}${torn}`);
    this.#good(`replayed from ${from === 0 ? "the first entry" : `the snapshot at ${from}`}`);
    this.#law(state);
    if (projection !== null) this.#lists(state, projection, told);
  }

  #law(state: State): void {
    const fault = conservationFault(state);
    if (fault === null) this.#good("conservation law: holds");
    else this.#fault(fault);
  }

  #lists(state: State, projection: CheckedProjection, told: Told): void {
    const { appliedSeq, meters, settling, waitingCorrections } = projection;
    if (told.state === null) {
      const range = `the journal has ${told.from} to ${state.seq}`;
      this.#fault(`The projection has outputs up to entry ${appliedSeq}; ${range}.`);
      return;
    }
    const { meteredRecords, thresholdEvents, items, state: then } = told;
    const rows: readonly (readonly [string, string, string])[] = [
      ["metered records", digest(projection.meteredRecords(told.from)), meteredRecords.text],
      ["threshold events", digest(projection.thresholdEvents(told.from)), thresholdEvents.text],
      ["data correction", itemDigest(projection.corrections(told.from)), items.text],
      ["meters", `${meters}`, `${then.meters}`],
      ["periods that wait", `${settling}`, `${then.settling}`],
      ["waiting in data correction", `${waitingCorrections}`, `${then.waiting}`],
    ];
    for (const [name, listed, replayed] of rows) {
      if (listed === replayed) this.#good(`${name}: ${listed}, as replayed`);
      else this.#fault(`${name}: the lists have ${listed}, replay gives ${replayed}`);
    }
  }

  async #restored({ seq, path }: Snapshot): Promise<State> {
    const restorer = new Restorer();
    for await (const section of readSections(this.#disk, path, { partition, seq })) {
      restorer.take(section);
    }
    const { state } = restorer;
    const inMemoryMax = Number.POSITIVE_INFINITY;
    const store = this.#openRuns();
    await new IdSpiller({ state, store, inMemoryMax, log: silent }).open();
    return state;
  }

  /** Every page of the runs of ids that a snapshot relies on. */
  async #ids({ path, seq }: Snapshot): Promise<void> {
    const runs = await runsNamedBy(this.#disk, path, seq);
    if (runs.length === 0) return;
    const opened = await this.#openRuns().open(runs);
    if (opened.ok) this.#good(`ids of ${basename(path)}: ${runs.length} runs, every page sound`);
    else this.#fault(opened.error.message);
  }

  #openRuns(): IdRuns {
    const { ids: directory } = dataDirectory(this.#root);
    const disk = { ...this.#disk, makeDirectory: nothing, remove: nothing };
    const runs = new IdRuns({ disk, openPages: openPageFile, directory, partition });
    this.#runs.push(runs);
    return runs;
  }

  /** Where ids stand, in memory or in runs, is left out: it depends on memory and time. */
  async #compare({ seq, path }: Snapshot, state: State): Promise<void> {
    const held = stateLines(await this.#restored({ seq, path }));
    for (const line of stateLines(state)) {
      const next = held.next();
      if (next.value === line) continue;
      const [what = ""] = line.split(" ");
      this.#fault(`${basename(path)}: a ${what} is not what replay gives: ${line.slice(0, 120)}`);
      return;
    }
    if (held.next().done === true) this.#good(`${basename(path)}: equal to the replayed state`);
    else this.#fault(`${basename(path)}: it has more meters than replay gives`);
  }
}

async function nothing(): Promise<void> {}

const silent = { info(): void {}, warn(): void {}, error(): void {} };
