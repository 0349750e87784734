// Checks a data directory or a backup from end to end and changes nothing: every checksum of the
// manifest, every block and entry of the journal, every snapshot, the projection's own integrity,
// the conservation law, and that replaying the journal gives the snapshots and the lists that are
// there. What it finds is a list of lines; a fault never hides the checks after it.
import { createHash, type Hash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { apply } from "../core/apply.ts";
import { conservationFault } from "../core/conservation.ts";
import { type Output, positionText } from "../core/output.ts";
import { AssertionError } from "../core/problem.ts";
import { restoreState, type Section, stateSections } from "../core/snapshot.ts";
import { State } from "../core/state.ts";
import { dataDirectory } from "../data-directory.ts";
import { partition } from "../engine-settings.ts";
import type { Disk } from "../journal/disk.ts";
import { type ReadJournal, readJournal } from "../journal/read-journal.ts";
import { listSnapshots, snapshotPath } from "../journal/snapshot-files.ts";
import { readSections, verifySnapshot } from "../journal/snapshot-reader.ts";
import { type CheckedProjection, checkProjection } from "../projection/copy-projection.ts";
import { filesIn, isExpected } from "./make-backup.ts";
import { manifestName } from "./manifest.ts";
import { checkFiles } from "./restore-backup.ts";

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
    const projection = await this.#step(async () => this.#projection(places.projection));
    if (journal !== undefined) {
      await this.#step(() => this.#replay(journal, snapshots, projection ?? null));
    }
    projection?.close();
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
    if (!checked.ok) return this.#fault(checked.error);
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
    if (base === undefined) return this.#fault(`No snapshot reaches entry ${startsAfter}.`);
    const state = base === null ? new State() : await this.#restored(base);
    const { seq: from } = state;
    const later = new Map(snapshots.filter(({ seq }) => seq > from).map((one) => [one.seq, one]));
    const told = new Told(from, projection?.appliedSeq ?? 0);
    let entries = 0;
    for await (const block of journal.replay(startsAfter)) {
      for (const entry of block) {
        entries += 1;
        if (entry.seq <= from) continue;
        told.take(apply(state, entry).outputs);
      }
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
    if (projection.appliedSeq > state.seq) {
      const last = `the journal ends with entry ${state.seq}`;
      return this.#fault(
        `The projection has outputs up to entry ${projection.appliedSeq}, but ${last}.`,
      );
    }
    const metered = digest(projection.meteredRecords(told.from));
    const corrections = digest(projection.corrections(told.from));
    const { meteredRecords, items } = told;
    if (metered === meteredRecords.text) this.#good(`metered records: ${metered}, as replayed`);
    else
      this.#fault(`Metered records: ${metered} are listed, replay gives ${meteredRecords.text}.`);
    if (corrections === items.text) this.#good(`data correction: ${corrections}, as replayed`);
    else this.#fault(`Data correction: ${corrections} are listed, replay gives ${items.text}.`);
    if (projection.appliedSeq === state.seq && projection.meters !== state.meters.size) {
      this.#fault(`${projection.meters} meters are listed; there are ${state.meters.size}.`);
    }
  }

  async #restored({ seq, path }: Snapshot): Promise<State> {
    const sections: Section[] = [];
    for await (const section of readSections(this.#disk, path, { partition, seq })) {
      sections.push(section);
    }
    return restoreState(sections);
  }

  /** The order of ids in memory depends on when tables grew; everything else is the same. */
  async #compare({ seq, path }: Snapshot, state: State): Promise<void> {
    const replayed = stateSections(state);
    for await (const section of readSections(this.#disk, path, { partition, seq })) {
      const twin = replayed.next().value;
      if (twin?.name === section.name && ("bytes" in section || isSame(section, twin))) continue;
      return this.#fault(`${basename(path)}: section ${section.name} is not what replay gives.`);
    }
    this.#good(`${basename(path)}: equal to the replayed state`);
  }
}

function isSame(section: Section, twin: Section): boolean {
  return "text" in section && "text" in twin && section.text === twin.text;
}

/** What replay tells the lists, of the entries that they have. */
class Told {
  readonly from: number;
  readonly meteredRecords: Digest = new Digest();
  readonly items: Digest = new Digest();
  readonly #upTo: number;

  constructor(from: number, upTo: number) {
    this.from = from;
    this.#upTo = upTo;
  }

  take(outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (output.kind !== "metered-record" && output.kind !== "correction") continue;
      if (output.position.seq > this.#upTo) continue;
      const position = positionText(output.position);
      if (output.kind === "metered-record") this.meteredRecords.add(position, output.json);
      else this.items.add(position, output.detail);
    }
  }
}

/** Number and checksum of rows in their order. */
class Digest {
  #rows = 0;
  readonly #hash: Hash = createHash("sha256");

  add(position: string, text: string): void {
    this.#rows += 1;
    this.#hash.update(`${position} ${text}\n`);
  }

  get text(): string {
    return `${this.#rows} (${this.#hash.copy().digest("hex").slice(0, 16)})`;
  }
}

function digest(rows: ReturnType<CheckedProjection["corrections"]>): string {
  const sum = new Digest();
  for (const { position, text } of rows) sum.add(position, text);
  return sum.text;
}
