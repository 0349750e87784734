// Copies files with a checksum of what was copied, and makes copies durable before anyone is told
// of them. Synchronous and in pieces of bounded size: it runs in commands, never in the server.
import { createHash, type Hash } from "node:crypto";
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export interface Copied {
  readonly bytes: number;
  /** SHA-256, hexadecimal. */
  readonly sha256: string;
}

/** Told after each piece how many bytes were done since the last call. */
export type Progress = (bytes: number) => void;

/** Tells of a long copy now and then. */
export function inSteps(name: string, tell: (line: string) => void): Progress {
  let done = 0;
  let told = 0;
  return (bytes) => {
    done += bytes;
    if (done - told < stepBytes) return;
    told = done;
    tell(`${name}  ${Math.floor(done / 1024 / 1024)} MiB so far`);
  };
}

const stepBytes = 256 * 1024 * 1024;
const pieceBytes = 4 * 1024 * 1024;

/**
 * Copies the first `bytes` of a file, or all of it, to a new file that only its owner can read, and
 * syncs it. Throws when the file is there already, or when the source has fewer bytes.
 */
export function copyFile(
  from: string,
  to: string,
  { bytes, progress }: { readonly bytes?: number; readonly progress: Progress },
): Copied {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  const target = openSync(to, "wx", 0o600);
  try {
    const copied = readPieces(from, bytes, (piece) => {
      writeAll(target, piece);
      progress(piece.length);
    });
    fsyncSync(target);
    return copied;
  } finally {
    closeSync(target);
  }
}

/** Size and checksum of a file as it is on disk. */
export function digestFile(path: string, progress: Progress): Copied {
  return readPieces(path, undefined, (piece) => progress(piece.length));
}

/** A new file with this text, on disk when this returns. */
export function writeFile(path: string, text: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeAll(file, Buffer.from(text));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes the names in a directory durable, or the content of a file that somebody else wrote. */
export function syncPath(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function readPieces(
  path: string,
  wanted: number | undefined,
  take: (piece: Uint8Array) => void,
): Copied {
  const file = openSync(path, "r");
  try {
    const bytes = wanted ?? fstatSync(file).size;
    const hash = createHash("sha256");
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(1, bytes)));
    for (let done = 0; done < bytes; ) {
      const count = readSync(file, piece, 0, Math.min(piece.length, bytes - done), done);
      if (count === 0) throw new Error(`${path} became shorter while it was read`);
      feed(hash, piece.subarray(0, count), take);
      done += count;
    }
    return { bytes, sha256: hash.digest("hex") };
  } finally {
    closeSync(file);
  }
}

function feed(hash: Hash, piece: Uint8Array, take: (piece: Uint8Array) => void): void {
  hash.update(piece);
  take(piece);
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}
