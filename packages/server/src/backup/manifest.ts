// The manifest of a backup: what belongs to it, byte for byte, and of which moment it is. It is
// written last, so that a directory with a manifest is a whole backup. Reading one checks that it
// names only plain places within the backup.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EpochMs } from "../core/ports.ts";
import { fail, ok, type Result } from "../core/problem.ts";

/** Raised when an older release could not restore what this one writes. */
const manifestFormat = 1;
export const manifestName = "manifest.json";

/** A file of a backup; `name` has forward slashes and lies below the backup's directory. */
export interface BackupFile {
  readonly name: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface Manifest {
  readonly format: number;
  /** The release that made it. */
  readonly version: string;
  readonly madeAt: EpochMs;
  readonly partition: number;
  /** The last entry in it, and its time. */
  readonly seq: number;
  readonly time: EpochMs;
  /** Every entry after this one is in its journal. */
  readonly journalStartsAfter: number;
  /** The last entry whose outputs its projection has; never after `seq`. */
  readonly projectionSeq: number;
  /** Of the files within; the release that starts on them refuses what it does not know. */
  readonly formats: Readonly<
    Record<"journal" | "snapshot" | "ids" | "projection" | "deliveries", number>
  >;
  readonly files: readonly BackupFile[];
}

export function manifestText(manifest: Omit<Manifest, "format">): string {
  return `${JSON.stringify({ format: manifestFormat, ...manifest }, null, 2)}\n`;
}

/** A failure is one or two sentences. */
export function readManifest(backup: string): Result<Manifest, string> {
  const path = join(backup, manifestName);
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(`${backup} is no whole backup: ${manifestName} cannot be read (${reason}).`);
  }
  if (!isRecord(document)) return fail(`${path} is no manifest of a backup.`);
  const { format } = document;
  if (typeof format === "number" && format > manifestFormat) {
    const known = `this version reads formats up to ${manifestFormat}`;
    return fail(`${path} has the format ${format}; ${known}. Use the release that wrote it.`);
  }
  const manifest = fromDocument(document);
  return manifest === null ? fail(`${path} is no manifest of a backup.`) : ok(manifest);
}

function fromDocument(document: Readonly<Record<string, unknown>>): Manifest | null {
  const { version, formats, files } = document;
  if (!isRecord(formats)) return null;
  const counts = [
    "format",
    "madeAt",
    "partition",
    "seq",
    "time",
    "journalStartsAfter",
    "projectionSeq",
  ];
  if (!counts.every((name) => isCount(document[name]))) return null;
  if (typeof version !== "string" || !Array.isArray(files) || !files.every(isFile)) return null;
  const names = new Set(files.map(({ name }) => name));
  return names.size === files.length ? fromWire(document) : null;
}

/** Every member was looked at. */
function fromWire(document: unknown): Manifest {
  return document as Manifest;
}

/** Names of our own making only: no way out of the directory, nothing hidden. */
const plainName = /^(?:(?:journal|snapshots|ids|keys)\/)?[A-Za-z0-9][A-Za-z0-9._-]{0,100}$/;

function isFile(value: unknown): value is BackupFile {
  return (
    isRecord(value) &&
    typeof value.name === "string" &&
    plainName.test(value.name) &&
    isCount(value.bytes) &&
    typeof value.sha256 === "string" &&
    /^[0-9a-f]{64}$/.test(value.sha256)
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
