// Writes one file of a file destination: under a temporary name, synced, renamed, the folder
// synced, and then its line in the manifest. So a file that the manifest names is whole, and one
// that it does not name is written over by the next attempt. Never holds more than a page of it.
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { positionText } from "../core/output.ts";
import { assert } from "../core/problem.ts";
import { addLine, hasFile } from "./file-manifest.ts";
import type { PlannedFile } from "./file-rows.ts";
import type { CsvForm, DeliveredKind, OutputReader } from "./ports.ts";
import { isAfter } from "./prepared.ts";

/** Records of a file are no longer stored. */
export class RecordsGoneError extends Error {
  override readonly name = "RecordsGoneError";
}

export interface FileSource {
  readonly accountId: string;
  readonly outputs: OutputReader;
  readonly csv: Readonly<Record<DeliveredKind, CsvForm>>;
}

export interface WrittenFile {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Records read and written at once. */
const pageMax = 200;
/** Whoever imports may be of the owner's group. */
const folderMode = 0o750;
const fileMode = 0o640;

/** On disk, and in the manifest, when it resolves. Rejects with an error of the system otherwise. */
export async function writePlannedFile(
  folder: string,
  file: PlannedFile,
  { source, signal }: { readonly source: FileSource; readonly signal: AbortSignal },
): Promise<WrittenFile> {
  await mkdir(folder, { recursive: true, mode: folderMode });
  const temporary = join(folder, `.${file.name}.partial`);
  try {
    const written = await fill(temporary, pages(file, source, signal));
    await rename(temporary, join(folder, file.name));
    await syncFolder(folder);
    if (!file.wasBegun || !(await hasFile(folder, file.name))) {
      const { kind, meterKey, format, records, first, last } = file;
      await addLine(folder, {
        file: file.name,
        output: kind === "metered-record" ? "reset" : "threshold",
        meterKey,
        format,
        records,
        ...written,
        first: positionText(first),
        last: positionText(last),
      });
      await syncFolder(folder);
    }
    return written;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Whether a file can be made in the folder; leaves none. */
export async function probeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: folderMode });
  const path = join(folder, ".test.partial");
  const handle = await open(path, "w", fileMode);
  try {
    await handle.writeFile("test\n");
    await handle.sync();
  } finally {
    await handle.close();
    await rm(path, { force: true });
  }
}

async function fill(path: string, texts: Iterable<string>): Promise<WrittenFile> {
  const handle: FileHandle = await open(path, "w", fileMode);
  const hash: Hash = createHash("sha256");
  let bytes = 0;
  try {
    for (const text of texts) {
      const page = Buffer.from(text);
      hash.update(page);
      bytes += page.length;
      await handle.writeFile(page);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** The file's text, a page at a time; throws when it would not be what was planned. */
function* pages(file: PlannedFile, source: FileSource, signal: AbortSignal): Generator<string> {
  const { kind, meterKey, first, last, records } = file;
  const { outputs, accountId } = source;
  const filter = { accountId, kinds: [kind], meterKeys: [meterKey] };
  const form = file.format === "csv" ? source.csv[kind] : ndjson;
  if (form.header !== "") yield form.header;
  let after = { ...first, index: first.index - 1 };
  let written = 0;
  while (written < records) {
    signal.throwIfAborted();
    const limit = Math.min(pageMax, records - written);
    const found = outputs.after(filter, { after, limit });
    let text = "";
    for (const { position } of found.outputs) {
      const json = outputs.find(kind, position);
      if (json === undefined || isAfter(position, last)) break;
      text += form.line(json);
      written += 1;
    }
    if (text !== "") yield text;
    const isEnd = !isAfter(found.scannedTo, after) || !isAfter(last, found.scannedTo);
    if (isEnd && written < records) {
      throw new RecordsGoneError("Records of this file are no longer stored.");
    }
    after = found.scannedTo;
  }
  assert(written === records, "a file holds what was planned");
}

const ndjson: CsvForm = { header: "", line: (json) => `${json}\n` };

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
