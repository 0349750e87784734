// What the runs of old ids need of a file system: durable writing beside the main thread, as the
// journal's disk has it, and reading one page at once. Tests put simulated ones in both places.

/** Every call may reject; the error says what failed and where. */
export interface RunDisk {
  /** Makes a directory and its parents durably. An existing one is left as it is. */
  makeDirectory(path: string): Promise<void>;
  list(path: string): Promise<readonly string[]>;
  size(path: string): Promise<number>;
  /** Up to `length` bytes from `position`; fewer only at the end of the file. */
  read(path: string, position: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Makes a new file; there must be none. */
  create(path: string): Promise<RunFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

export interface RunFile {
  /** Takes the bytes over: they must own their whole ArrayBuffer. */
  writeDurably(position: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
}

/** Opens a file for reading while the caller waits; throws where the system refuses. */
export type OpenPages = (path: string) => PageFile;

export interface PageFile {
  /** Fills `bytes` from `position`; gives how many there were. */
  read(bytes: Uint8Array, position: number): number;
  close(): void;
}
