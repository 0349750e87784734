// A disk in memory that keeps only what was synced, and of the rest what its seed decides: dropped,
// kept, kept by sector in any order, or torn at any byte; the same for names. It counts its I/Os, and
// fails or crashes at a chosen one. What it decides depends on its seed and its calls alone.
import { basename, dirname } from "node:path";
import { type Disk, DiskError, type DiskErrorKind, type DiskFile } from "../../src/journal/disk.ts";
import { createSeededRandom } from "./seeded-random.ts";
import {
  type Change,
  changed,
  type Directory,
  durableDirectory,
  type FileData,
  keepDirectory,
  keepFile,
  type NameChange,
  newDirectory,
  newFile,
  settleFile,
} from "./simulated-files.ts";

/** `short-write` writes half and reports it; `sync-failure` applies to syncs only. */
export type FaultKind = "EIO" | "ENOSPC" | "short-write" | "sync-failure" | "crash";

export interface FaultPlan {
  /** Number of the I/O that fails, from 0. */
  readonly at: number;
  readonly kind: FaultKind;
  /** True: that one and every later one to which the kind applies. */
  readonly forever?: boolean;
}

/** What every call after a planned crash rejects with. Not a `DiskError`: the process is gone. */
export class SimulatedCrash extends Error {}

type Operation = "read" | "write" | "sync" | "truncate" | "create" | "rename" | "remove";

export class SimulatedDisk implements Disk {
  /** Faults that were met so far, by kind. */
  readonly injected: Partial<Record<FaultKind, number>> = {};
  readonly #directories: Map<string, Directory>;
  readonly #random: () => number;
  #plan: FaultPlan | null = null;
  #operations = 0;
  #crashed = false;

  constructor(seed: number, directories: Map<string, Directory> = new Map()) {
    this.#random = createSeededRandom(seed).fraction;
    this.#directories = directories;
  }

  /** I/Os so far. */
  get operations(): number {
    return this.#operations;
  }

  /** True after a crash: every call rejects. */
  get isGone(): boolean {
    return this.#crashed;
  }

  /** Counts I/Os from 0 again and fails as planned. */
  plan(plan: FaultPlan | null): void {
    this.#operations = 0;
    this.#plan = plan;
  }

  /** The disk as found after the power came back. */
  crash(seed: number): SimulatedDisk {
    const random = createSeededRandom(seed).fraction;
    const files = new Map<FileData, FileData>();
    const after = new Map<string, Directory>();
    for (const [path, directory] of this.#directories) {
      const names = keepDirectory(directory, random);
      const kept = [...names].map(([name, file]): [string, FileData] => {
        const found = files.get(file) ?? newFile(keepFile(file, random));
        files.set(file, found);
        return [name, found];
      });
      after.set(path, durableDirectory(new Map(kept)));
    }
    return new SimulatedDisk(seed + 1, after);
  }

  /** The disk after the process was killed: the system still shows and holds what was not synced. */
  restart(seed: number): SimulatedDisk {
    this.#crashed = true;
    return new SimulatedDisk(seed, this.#directories);
  }

  /** For tests that damage files: the bytes of a file as they are now. */
  content(path: string): Uint8Array<ArrayBuffer> {
    return this.#file(path, "read").current.slice();
  }

  /** For tests that damage files: replaces or makes a file, durably. */
  put(path: string, content: Uint8Array): void {
    const directory = this.#directories.get(dirname(path)) ?? newDirectory();
    this.#directories.set(dirname(path), directory);
    const file = newFile(new Uint8Array(content));
    directory.durable.set(basename(path), file);
    directory.current.set(basename(path), file);
  }

  /** For tests that damage directories. */
  drop(path: string): void {
    this.#directories.get(dirname(path))?.durable.delete(basename(path));
    this.#directories.get(dirname(path))?.current.delete(basename(path));
  }

  /** An independent disk with the same content, all of it durable. */
  copy(seed: number): SimulatedDisk {
    const copy = new SimulatedDisk(seed);
    for (const [path, directory] of this.#directories) {
      copy.#directories.set(path, newDirectory());
      for (const [name, file] of directory.current) copy.put(`${path}/${name}`, file.current);
    }
    return copy;
  }

  async makeDirectory(path: string): Promise<void> {
    if (this.#crashed) throw new SimulatedCrash("the disk is gone");
    if (!this.#directories.has(path)) this.#directories.set(path, newDirectory());
  }

  async list(path: string): Promise<readonly string[]> {
    this.#begin("read", path);
    return [...this.#directory(path, "read").current.keys()].sort();
  }

  async size(path: string): Promise<number> {
    this.#begin("read", path);
    return this.#file(path, "read").current.length;
  }

  async read(path: string, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    this.#begin("read", path);
    return this.#file(path, "read").current.slice(position, position + length);
  }

  async open(path: string): Promise<DiskFile> {
    this.#begin("read", path);
    return this.#handle(path, this.#file(path, "read"));
  }

  async create(path: string): Promise<DiskFile> {
    const directory = this.#directory(dirname(path), "create");
    if (directory.current.has(basename(path)))
      throw new DiskError("exists", { code: "EEXIST", operation: "create", path });
    const file = newFile(new Uint8Array(0));
    this.#changeNames("create", path, { add: [basename(path), file], remove: null });
    return this.#handle(path, file);
  }

  async rename(from: string, to: string): Promise<void> {
    const file = this.#file(from, "rename");
    const change: NameChange = { add: [basename(to), file], remove: basename(from) };
    this.#changeNames("rename", from, change);
  }

  async remove(path: string): Promise<void> {
    this.#file(path, "remove");
    this.#changeNames("remove", path, { add: null, remove: basename(path) });
  }

  async syncDirectory(path: string): Promise<void> {
    const directory = this.#directory(path, "sync");
    this.#begin("sync", path);
    directory.durable = new Map(directory.current);
    directory.pending.length = 0;
  }

  async close(): Promise<void> {}

  #handle(path: string, file: FileData): DiskFile {
    return {
      path,
      size: file.current.length,
      writeDurably: async (position, bytes) => {
        // Moved as to another thread: who writes must not touch them any more.
        const { byteOffset, byteLength } = bytes;
        const owned = new Uint8Array(bytes.buffer.transfer(), byteOffset, byteLength);
        this.#write(path, file, { kind: "write", position, bytes: owned });
        this.#sync(path, file);
      },
      truncateDurably: async (size) => {
        this.#begin("truncate", path, () => this.#change(file, { kind: "truncate", size }));
        this.#change(file, { kind: "truncate", size });
        this.#sync(path, file);
      },
      close: async () => {},
    };
  }

  #write(path: string, file: FileData, change: Extract<Change, { kind: "write" }>): void {
    const half = change.bytes.subarray(0, change.bytes.length >> 1);
    const partly = (): void => this.#change(file, { ...change, bytes: half });
    this.#begin("write", path, (kind) => {
      if (kind === "crash") this.#change(file, change);
      else if (kind === "short-write" || this.#random() < 0.5) partly();
    });
    this.#change(file, change);
  }

  #sync(path: string, file: FileData): void {
    // After a failed sync the system shows the bytes as clean, and may never write them.
    this.#begin("sync", path, (kind) => {
      if (kind !== "crash") for (const pending of file.pending) pending.doomed = true;
    });
    settleFile(file, this.#random);
  }

  #change(file: FileData, change: Change): void {
    file.current = changed(file.current, change);
    file.pending.push({ change, doomed: false });
  }

  #changeNames(operation: Operation, path: string, change: NameChange): void {
    const directory = this.#directory(dirname(path), operation);
    const apply = (): void => {
      if (change.remove !== null) directory.current.delete(change.remove);
      if (change.add !== null) directory.current.set(change.add[0], change.add[1]);
      directory.pending.push(change);
    };
    this.#begin(operation, path, (kind) => {
      if (kind === "crash") apply();
    });
    apply();
  }

  /** Counts an I/O; throws when it is to fail, after `partly` has done what still happens of it. */
  #begin(operation: Operation, path: string, partly: (kind: FaultKind) => void = () => {}): void {
    if (this.#crashed) throw new SimulatedCrash("the disk is gone");
    const number = this.#operations;
    this.#operations += 1;
    const plan = this.#plan;
    if (plan === null || number < plan.at || (number > plan.at && plan.forever !== true)) return;
    if (!appliesTo(plan.kind, operation)) return;
    this.injected[plan.kind] = (this.injected[plan.kind] ?? 0) + 1;
    partly(plan.kind);
    if (plan.kind === "crash") {
      this.#crashed = true;
      throw new SimulatedCrash(`crash at I/O ${number}, ${operation} of ${path}`);
    }
    const [kind, code] = errors[plan.kind];
    throw new DiskError(kind, { code, operation, path });
  }

  #directory(path: string, operation: Operation): Directory {
    const directory = this.#directories.get(path);
    if (directory === undefined)
      throw new DiskError("missing", { code: "ENOENT", operation, path });
    return directory;
  }

  #file(path: string, operation: Operation): FileData {
    const file = this.#directory(dirname(path), operation).current.get(basename(path));
    if (file === undefined) throw new DiskError("missing", { code: "ENOENT", operation, path });
    return file;
  }
}

const errors: Readonly<Record<Exclude<FaultKind, "crash">, readonly [DiskErrorKind, string]>> = {
  EIO: ["failed", "EIO"],
  ENOSPC: ["full", "ENOSPC"],
  "short-write": ["full", "SHORT"],
  "sync-failure": ["failed", "EIO"],
};

function appliesTo(kind: FaultKind, operation: Operation): boolean {
  switch (kind) {
    case "EIO":
    case "crash":
      return true;
    case "ENOSPC":
      return operation === "write" || operation === "create";
    case "short-write":
      return operation === "write";
    case "sync-failure":
      return operation === "sync";
  }
}
