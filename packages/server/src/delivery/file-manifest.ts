// manifest.ndjson of a file destination: one line for each file, added when the file is whole and
// on disk. A line that a stop has cut in two is taken away before the next one is added, so readers
// may trust every line that has its end.
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";

export interface ManifestLine {
  readonly file: string;
  readonly output: "reset" | "threshold";
  readonly meterKey: string;
  readonly format: "ndjson" | "csv";
  readonly records: number;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Positions of the first and the last record in it. */
  readonly first: string;
  readonly last: string;
}

const manifestName = "manifest.ndjson";
const fileMode = 0o640;
/** Far longer than any line. */
const tailBytes: number = 64 * 1024;
const newline = 0x0a;

/** On disk when it resolves; only one at a time for a folder. */
export async function addLine(folder: string, line: ManifestLine): Promise<void> {
  const handle = await open(join(folder, manifestName), "a+", fileMode);
  try {
    await cutTornEnd(handle);
    await handle.appendFile(`${JSON.stringify(line)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether a whole line names the file. Reads the manifest once, in pieces. */
export async function hasFile(folder: string, name: string): Promise<boolean> {
  const wanted = `{"file":${JSON.stringify(name)},`;
  let rest = "";
  try {
    const stream = createReadStream(join(folder, manifestName), { encoding: "utf8" });
    for await (const chunk of stream) {
      const lines = `${rest}${String(chunk)}`.split("\n");
      rest = lines.pop() ?? "";
      if (lines.some((line) => line.startsWith(wanted))) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}

async function cutTornEnd(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  if (size === 0) return;
  const start = Math.max(0, size - tailBytes);
  const tail = Buffer.alloc(size - start);
  await handle.read(tail, 0, tail.length, start);
  if (tail.at(-1) === newline) return;
  await handle.truncate(start + tail.lastIndexOf(newline) + 1);
}
