// What a simulated disk holds: files and names, each as it shows now and as it would survive, with
// the changes between the two; and how much of those changes a crash leaves.

export type Change =
  | { readonly kind: "write"; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly size: number };

export interface FileData {
  durable: Uint8Array<ArrayBuffer>;
  current: Uint8Array<ArrayBuffer>;
  /** Since the last sync, in order; doomed ones were there when a sync failed. */
  readonly pending: { readonly change: Change; doomed: boolean }[];
}

/** One atomic change of a directory. */
export interface NameChange {
  readonly add: readonly [string, FileData] | null;
  readonly remove: string | null;
}

export interface Directory {
  durable: Map<string, FileData>;
  readonly current: Map<string, FileData>;
  readonly pending: NameChange[];
}

export function newFile(content: Uint8Array<ArrayBuffer>): FileData {
  return { durable: content, current: content.slice(), pending: [] };
}

export function newDirectory(): Directory {
  return { durable: new Map(), current: new Map(), pending: [] };
}

export function durableDirectory(names: Map<string, FileData>): Directory {
  return { durable: names, current: new Map(names), pending: [] };
}

function sizeAfter(size: number, change: Change): number {
  return change.kind === "truncate"
    ? change.size
    : Math.max(size, change.position + change.bytes.length);
}

/**
 * The content after a change that nobody else may still hold it without: made in place where there
 * is room, with spare room where there is none.
 */
export function changed(content: Uint8Array<ArrayBuffer>, change: Change): Uint8Array<ArrayBuffer> {
  const size = sizeAfter(content.length, change);
  let found = content;
  if (size !== content.length) {
    const { buffer } = content;
    const room = size <= buffer.byteLength ? buffer : new ArrayBuffer(2 * size);
    found = new Uint8Array(room, 0, size);
    if (room !== buffer) found.set(content);
    else if (size > content.length) found.fill(0, content.length);
  }
  if (change.kind === "write") writeInto(found, change);
  return found;
}

function writeInto(content: Uint8Array, change: Extract<Change, { kind: "write" }>): void {
  content.set(change.bytes, change.position);
}

/** A sync that succeeds: all changes are durable, but of doomed ones only what chance kept. */
export function settleFile(file: FileData, random: () => number): void {
  for (const { change, doomed } of file.pending) {
    file.durable = doomed ? partly(file.durable, change, random) : changed(file.durable, change);
  }
  file.pending.length = 0;
}

/** The content after a crash. */
export function keepFile(file: FileData, random: () => number): Uint8Array<ArrayBuffer> {
  const mode = Math.floor(random() * 4);
  let content = file.durable;
  for (const { change } of file.pending) {
    if (mode === 0) break;
    content = mode === 1 ? wholly(content, change) : partly(content, change, random);
  }
  // The size may have reached the disk without the data.
  return random() < 0.25 ? resized(content, file.current.length) : content.slice();
}

/** The names after a crash: none, all, or any of the changes since the last sync. */
export function keepDirectory(directory: Directory, random: () => number): Map<string, FileData> {
  const mode = Math.floor(random() * 3);
  const names = new Map(directory.durable);
  for (const change of directory.pending) {
    if (mode === 0 || (mode === 2 && random() < 0.5)) continue;
    if (change.remove !== null) names.delete(change.remove);
    if (change.add !== null) names.set(change.add[0], change.add[1]);
  }
  return names;
}

function wholly(content: Uint8Array, change: Change): Uint8Array<ArrayBuffer> {
  const result = resized(content, sizeAfter(content.length, change));
  if (change.kind === "write") writeInto(result, change);
  return result;
}

const sectorBytes = 512;

/** Each sector of a write is kept, dropped, or torn at any byte. */
function partly(
  content: Uint8Array,
  change: Change,
  random: () => number,
): Uint8Array<ArrayBuffer> {
  if (change.kind === "truncate") return random() < 0.5 ? wholly(content, change) : content.slice();
  let result = content.slice();
  const end = change.position + change.bytes.length;
  let from = change.position;
  while (from < end) {
    const sectorEnd = Math.min(end, (Math.floor(from / sectorBytes) + 1) * sectorBytes);
    const fate = random();
    const kept =
      fate < 0.4 ? 0 : fate < 0.8 ? sectorEnd - from : Math.floor(random() * (sectorEnd - from));
    const start = from - change.position;
    const bytes = change.bytes.subarray(start, start + kept);
    if (kept > 0) result = wholly(result, { kind: "write", position: from, bytes });
    from = sectorEnd;
  }
  return result;
}

function resized(content: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(size);
  result.set(content.subarray(0, size));
  return result;
}
