// Restores a backup into an empty data directory: every file is checked against the manifest first,
// then copied, then a mark is left for the next start. It never writes over anything, and a restore
// that did not come to its end cannot be started by mistake.
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { fail, ok, type Result } from "../core/problem.ts";
import { dataDirectory } from "../data-directory.ts";
import { lockDirectory } from "../runtime/directory-lock.ts";
import { copyFile, digestFile, inSteps, syncPath } from "./copy-files.ts";
import { filesIn, isExpected } from "./make-backup.ts";
import { type BackupFile, type Manifest, manifestName, readManifest } from "./manifest.ts";
import { writeRestoreMark } from "./restore-mark.ts";

export interface RestoreOptions {
  readonly backup: string;
  /** Made when it is missing. */
  readonly directory: string;
  readonly tell: (line: string) => void;
}

/** The manifest of what was restored. A failure is one or two sentences. */
export function restoreBackup(options: RestoreOptions): Result<Manifest, string> {
  const directory = resolve(options.directory);
  const backup = resolve(options.backup);
  const checked = checkFiles(backup, options.tell);
  if (!checked.ok) return checked;
  try {
    const refusal = directoryFault(directory, backup);
    if (refusal !== null) return fail(refusal);
    const lock = lockDirectory(directory);
    if (!lock.ok) return fail(lock.error.detail);
    try {
      return fill(backup, directory, { manifest: checked.value, tell: options.tell });
    } finally {
      lock.value.release();
    }
  } catch (error) {
    if (!isExpected(error)) throw error;
    return fail(`The backup was not restored: ${error.message}`);
  }
}

/** Reads every file of a backup; all faults come as one text, a sentence each. */
export function checkFiles(backup: string, tell: (line: string) => void): Result<Manifest, string> {
  const manifest = readManifest(backup);
  if (!manifest.ok) return manifest;
  const faults = manifest.value.files.flatMap((file) => fileFaults(backup, file, tell));
  const known = new Set(manifest.value.files.map(({ name }) => name));
  const surplus = namesIn(backup).filter((name) => !known.has(name));
  for (const name of surplus) faults.push(`${name} does not belong to the backup.`);
  return faults.length === 0 ? manifest : fail(faults.join("\n"));
}

function fileFaults(
  backup: string,
  { name, bytes, sha256 }: BackupFile,
  tell: (line: string) => void,
): readonly string[] {
  const path = join(backup, name);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return [`${name} is missing.`];
  if (found.size !== bytes) return [`${name} has ${found.size} bytes; the manifest says ${bytes}.`];
  const digest = digestFile(path, inSteps(`check of ${name}`, tell));
  return digest.sha256 === sha256 ? [] : [`${name} was changed: its SHA-256 is another one.`];
}

/** Every file below the backup but the manifest. */
function namesIn(backup: string): readonly string[] {
  const { journal, snapshots, ids, keys } = dataDirectory(backup);
  const below = [journal, snapshots, ids, keys].flatMap((directory) =>
    filesIn(directory).map((name) => relative(backup, join(directory, name)).split(sep).join("/")),
  );
  return [...filesIn(backup), ...below].filter((name) => name !== manifestName);
}

function directoryFault(directory: string, backup: string): string | null {
  if (!existsSync(directory)) return null;
  if (directory === backup) return "Name another directory than that of the backup.";
  const names = readdirSync(directory);
  if (names.length === 0) return null;
  const lock = names.includes("lock.db") ? lockDirectory(directory) : null;
  if (lock !== null && !lock.ok) return lock.error.detail;
  lock?.value.release();
  return (
    `${directory} is not empty, and a restore writes over nothing. Name another directory, or ` +
    "move what is in it away."
  );
}

function fill(
  backup: string,
  directory: string,
  { manifest, tell }: { readonly manifest: Manifest; readonly tell: (line: string) => void },
): Result<Manifest, string> {
  const { seq } = manifest;
  writeRestoreMark(directory, { seq, isWhole: false });
  for (const { name, sha256 } of manifest.files) {
    const copied = copyFile(join(backup, name), join(directory, name), {
      progress: inSteps(name, tell),
    });
    if (copied.sha256 !== sha256) return fail(`${name} changed while it was restored; try again.`);
    tell(`${name}  ${copied.bytes} bytes`);
  }
  const places = dataDirectory(directory);
  for (const place of [places.journal, places.snapshots, places.ids, places.keys]) {
    mkdirSync(place, { recursive: true, mode: 0o700 });
    syncPath(place);
  }
  writeRestoreMark(directory, { seq, isWhole: true });
  return ok(manifest);
}
