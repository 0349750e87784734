// Makes a backup of a data directory: keys, deliveries, projection, snapshots, then the journal, each
// not older than what was copied before it, so that a start on the copy finds everything it needs. Written
// under a temporary name; the manifest comes last, then the name. Nothing in the data directory is
// changed.
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { IdRun } from "../core/old-ids.ts";
import type { EpochMs } from "../core/ports.ts";
import { fail, ok, type Result } from "../core/problem.ts";
import { restoreState } from "../core/snapshot.ts";
import { type DataDirectory, dataDirectory } from "../data-directory.ts";
import { deliveryFacts } from "../delivery/delivery-facts.ts";
import { deliveriesFormat } from "../delivery/delivery-tables.ts";
import { partition } from "../engine-settings.ts";
import { runPath } from "../ids/id-runs.ts";
import { IdRunDamage, runFormatVersion } from "../ids/run-format.ts";
import { JournalDamage } from "../journal/damage.ts";
import { type Disk, DiskError } from "../journal/disk.ts";
import { type ReadJournal, readJournal } from "../journal/read-journal.ts";
import { segmentFormatVersion } from "../journal/segments.ts";
import { listSnapshots, snapshotPath } from "../journal/snapshot-files.ts";
import { snapshotFormatVersion } from "../journal/snapshot-format.ts";
import { readSections, verifySnapshot } from "../journal/snapshot-reader.ts";
import { copyDatabase } from "../projection/copy-database.ts";
import { copyProjection, type ProjectionFacts } from "../projection/copy-projection.ts";
import { ProjectionError } from "../projection/projection-error.ts";
import { copyFile, digestFile, inSteps, syncPath, writeFile } from "./copy-files.ts";
import { type BackupFile, manifestName, manifestText } from "./manifest.ts";

/** What keeps the files in place while they are copied. */
export interface Source {
  readonly directory: string;
  /** The last applied entry now; null where nobody writes, and then it is the journal's last. */
  lastSeq(): Promise<Result<number | null, string>>;
  /** False when the server that held the files has gone away meanwhile. */
  isHeld(): boolean;
}

export interface BackupOptions {
  readonly source: Source;
  /** Must not exist, or be an empty directory; not within the data directory. */
  readonly target: string;
  readonly disk: Disk;
  readonly version: string;
  readonly now: EpochMs;
  /** A line for whoever looks on. */
  readonly tell: (line: string) => void;
}

export interface MadeBackup {
  readonly target: string;
  readonly bytes: number;
  readonly seq: number;
}

/** The whole backup has its name when this resolves with it; after a failure nothing is left. */
export async function makeBackup(options: BackupOptions): Promise<Result<MadeBackup, string>> {
  const { source } = options;
  const target = resolve(options.target);
  const refusal = targetFault(target, resolve(source.directory));
  if (refusal !== null) return fail(refusal);
  let temporary: string | null = null;
  try {
    temporary = mkdtempSync(join(dirname(target), `${basename(target)}.partial-`));
    const made = await fill(options, temporary);
    if (!made.ok) return made;
    renameSync(temporary, target);
    syncPath(dirname(target));
    temporary = null;
    return ok({ target, ...made.value });
  } catch (error) {
    if (!isExpected(error)) throw error;
    return fail(`The backup was not made: ${error.message}`);
  } finally {
    if (temporary !== null) rmSync(temporary, { recursive: true, force: true });
  }
}

/** What a disk, a file of ours or the system may have to say. */
export function isExpected(error: unknown): error is Error {
  const isOurs =
    error instanceof JournalDamage ||
    error instanceof DiskError ||
    error instanceof IdRunDamage ||
    error instanceof ProjectionError;
  return isOurs || (error instanceof Error && "code" in error);
}

function targetFault(target: string, directory: string): string | null {
  const within = relative(directory, target);
  if (within === "" || (!within.startsWith(`..${sep}`) && within !== "..")) {
    return `The backup must not be made within the data directory ${directory}.`;
  }
  try {
    if (readdirSync(target).length === 0) return null;
    return `${target} is not empty. Name a directory that does not exist yet.`;
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    if (error.code === "ENOENT") return existsFault(dirname(target));
    return `${target} is no directory that a backup can be made in (${error.message}).`;
  }
}

function existsFault(parent: string): string | null {
  const found = statSync(parent, { throwIfNoEntry: false });
  return found?.isDirectory() === true ? null : `There is no directory ${parent}; make it first.`;
}

async function fill(
  { source, disk, version, now, tell }: BackupOptions,
  target: string,
): Promise<Result<Omit<MadeBackup, "target">, string>> {
  const from = dataDirectory(source.directory);
  const to = dataDirectory(target);
  const files: BackupFile[] = [];
  const copy = (path: string, place: string, bytes?: number): void => {
    const name = relative(target, place).split(sep).join("/");
    const progress = inSteps(name, tell);
    const copied = copyFile(path, place, { ...(bytes === undefined ? {} : { bytes }), progress });
    files.push({ name, ...copied });
    tell(`${name}  ${copied.bytes} bytes`);
  };
  for (const name of filesIn(from.keys)) copy(join(from.keys, name), join(to.keys, name));
  const projection = await copyDatabases({ from, to }, files, tell);
  const lastSeq = await source.lastSeq();
  if (!lastSeq.ok) return lastSeq;
  const journal = await readJournal(disk, from.journal, { partition, upTo: lastSeq.value });
  const wanted = lastSeq.value ?? journal.lastSeq;
  if (journal.lastSeq !== wanted || projection.appliedSeq > wanted) {
    return fail(mismatch({ wanted, journal: journal.lastSeq, projection: projection.appliedSeq }));
  }
  const snapshots = await soundSnapshots(disk, from.snapshots, { journal, tell });
  if (!snapshots.ok) return snapshots;
  for (const { path } of snapshots.value) copy(path, join(to.snapshots, basename(path)));
  for (const run of new Set(snapshots.value.flatMap(({ runs }) => runs))) {
    copy(runPath(from.ids, run), runPath(to.ids, run));
  }
  for (const { path, bytes } of journal.segments) {
    copy(path, join(to.journal, basename(path)), bytes);
  }
  if (!source.isHeld()) return fail("The server went away while its files were copied; try again.");
  const manifest = {
    version,
    madeAt: now,
    partition,
    seq: journal.lastSeq,
    time: journal.lastTime,
    journalStartsAfter: journal.startsAfter,
    projectionSeq: projection.appliedSeq,
    formats: {
      journal: segmentFormatVersion,
      snapshot: snapshotFormatVersion,
      ids: runFormatVersion,
      projection: projection.format,
      deliveries: deliveriesFormat,
    },
    files,
  };
  for (const directory of [to.keys, to.snapshots, to.ids, to.journal]) syncIfThere(directory);
  writeFile(join(target, manifestName), manifestText(manifest));
  syncPath(target);
  return ok({ bytes: files.reduce((sum, file) => sum + file.bytes, 0), seq: journal.lastSeq });
}

/** Deliveries first: what they say was delivered is in the projection then. */
async function copyDatabases(
  { from, to }: Readonly<Record<"from" | "to", DataDirectory>>,
  files: BackupFile[],
  tell: (line: string) => void,
): Promise<ProjectionFacts> {
  const progressOf = (place: string): ((bytes: number) => void) => inSteps(basename(place), tell);
  const copied = (place: string): void => {
    syncPath(place);
    const digest = digestFile(place, () => {});
    files.push({ name: basename(place), ...digest });
    tell(`${basename(place)}  ${digest.bytes} bytes`);
  };
  if (existsSync(from.deliveries)) {
    const database = { from: from.deliveries, to: to.deliveries };
    await copyDatabase({ ...database, progress: progressOf(to.deliveries) }, deliveryFacts);
    copied(to.deliveries);
  }
  const step = progressOf(to.projection);
  const projection = await copyProjection(from.projection, to.projection, step);
  copied(to.projection);
  return projection;
}

function mismatch(seq: { wanted: number; journal: number; projection: number }): string {
  return (
    `Journal and projection are not of one time: the journal ends with entry ${seq.journal}, ` +
    `entry ${seq.wanted} should be its last, and the projection has outputs up to entry ` +
    `${seq.projection}. Check the directory with: npm run verify`
  );
}

interface SoundSnapshot {
  readonly path: string;
  /** Numbers of the runs of ids that it relies on. */
  readonly runs: readonly number[];
}

/** The head of a snapshot alone, its first section, names them. */
export async function runsNamedBy(
  disk: Disk,
  path: string,
  seq: number,
): Promise<readonly IdRun[]> {
  for await (const head of readSections(disk, path, { partition, seq })) {
    return restoreState([head]).idRuns;
  }
  return [];
}

/** The snapshots that a start on the copy may use. Damaged ones are left out and told of. */
async function soundSnapshots(
  disk: Disk,
  directory: string,
  { journal, tell }: { readonly journal: ReadJournal; readonly tell: (line: string) => void },
): Promise<Result<readonly SoundSnapshot[], string>> {
  const sound: SoundSnapshot[] = [];
  const found = filesIn(directory).length === 0 ? [] : await listSnapshots(disk, directory);
  for (const seq of found) {
    if (seq > journal.lastSeq || seq < journal.startsAfter) continue;
    const path = snapshotPath(directory, seq);
    const verified = await verifySnapshot(disk, path, { partition, seq });
    const runs = verified.ok ? await runsNamedBy(disk, path, seq) : [];
    if (verified.ok) sound.push({ path, runs: runs.map((run) => run.number) });
    else tell(`left out: ${verified.error.message}`);
  }
  if (sound.length > 0 || journal.startsAfter === 0) return ok(sound);
  return fail(
    `No sound snapshot in ${directory} reaches the journal, which begins after entry ` +
      `${journal.startsAfter}: a copy could not be started.`,
  );
}

/** Names of plain files; none where there is no such directory. */
export function filesIn(directory: string): readonly string[] {
  if (statSync(directory, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => item.name)
    .sort();
}

function syncIfThere(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false }) !== undefined) syncPath(directory);
}
