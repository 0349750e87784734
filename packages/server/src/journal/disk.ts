// The few operations that the journal and the snapshots need of a file system, and the one kind of
// error they meet. Production puts a thread with real files behind it (thread-disk.ts), tests a
// simulated disk that loses and tears what was not synced. It must never promise more than a real
// disk keeps: only what a "durable" call has resolved for outlives a crash.

/**
 * - `full`: there is no room now (space, quota, file size, file handles, a short write). The store
 *   itself is sound; what was half-written is to be cut off with `truncateDurably`.
 * - `missing`, `exists`: the file is not there, or is there already.
 * - `failed`: anything else, and every failure of a sync. What the file holds is unknown.
 */
export type DiskErrorKind = "full" | "missing" | "exists" | "failed";

/** What every rejected call of a `Disk` or `DiskFile` rejects with. */
export class DiskError extends Error {
  override readonly name = "DiskError";
  readonly kind: DiskErrorKind;
  /** The operating system's code, such as `ENOSPC`; `SHORT` for a short write. */
  readonly code: string;
  readonly operation: string;
  readonly path: string;

  constructor(
    kind: DiskErrorKind,
    at: { readonly code: string; readonly operation: string; readonly path: string },
  ) {
    super(`${at.operation} of ${at.path} failed with ${at.code}`);
    this.kind = kind;
    this.code = at.code;
    this.operation = at.operation;
    this.path = at.path;
  }
}

/** An open file. Calls are carried out in the order they were made. */
export interface DiskFile {
  readonly path: string;
  /** Bytes of the file when it was opened. */
  readonly size: number;
  /**
   * Writes at `position`, then makes the file's content durable, in one round trip. Takes the bytes
   * over: they must own their whole ArrayBuffer, and nobody may look at them afterwards. A short
   * write is `full` and nothing more is written.
   */
  writeDurably(position: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Cuts the file to `size` bytes and makes that durable. */
  truncateDurably(size: number): Promise<void>;
  close(): Promise<void>;
}

/** Paths are absolute or relative to the working directory; nothing is cached. */
export interface Disk {
  /** Makes a directory and its parents, owner-only, durably. An existing one is left as it is. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, sorted. */
  list(path: string): Promise<readonly string[]>;
  /** Bytes of a file now. */
  size(path: string): Promise<number>;
  /** Up to `length` bytes from `position`; fewer only at the end of the file. */
  read(path: string, position: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Opens an existing file for writing. */
  open(path: string): Promise<DiskFile>;
  /** Makes a new file, owner-only; `exists` when there is one. Durable after `syncDirectory`. */
  create(path: string): Promise<DiskFile>;
  /** Replaces `to` if it exists. Durable after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  /** Durable after `syncDirectory`. */
  remove(path: string): Promise<void>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Ends the thread behind it, if any. Files must be closed before. */
  close(): Promise<void>;
}

/** Re-throws what is not a `DiskError`: a broken promise of our own code. */
export function asDiskError(error: unknown): DiskError {
  if (error instanceof DiskError) return error;
  throw error;
}
