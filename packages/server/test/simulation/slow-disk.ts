// A disk that takes its time: each write or sync waits for a number of turns of the event loop,
// drawn anew each time, so that calls of journal and snapshots interleave in every way. What the
// disk underneath does is left as it is.
import type { Disk, DiskFile } from "../../src/journal/disk.ts";

export class SlowDisk implements Disk {
  /** Writes and syncs that had to wait. */
  delays = 0;
  readonly #inner: Disk;
  /** Turns that the next call waits. */
  readonly #turns: () => number;

  constructor(inner: Disk, turns: () => number) {
    this.#inner = inner;
    this.#turns = turns;
  }

  makeDirectory(path: string): Promise<void> {
    return this.#inner.makeDirectory(path);
  }

  list(path: string): Promise<readonly string[]> {
    return this.#inner.list(path);
  }

  size(path: string): Promise<number> {
    return this.#inner.size(path);
  }

  read(path: string, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#inner.read(path, position, length);
  }

  async open(path: string): Promise<DiskFile> {
    return this.#slow(await this.#inner.open(path));
  }

  async create(path: string): Promise<DiskFile> {
    await this.#wait();
    return this.#slow(await this.#inner.create(path));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#wait();
    await this.#inner.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#inner.remove(path);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#wait();
    await this.#inner.syncDirectory(path);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #slow(file: DiskFile): DiskFile {
    return {
      path: file.path,
      size: file.size,
      writeDurably: async (position, bytes) => {
        await this.#wait();
        await file.writeDurably(position, bytes);
      },
      truncateDurably: (size) => file.truncateDurably(size),
      close: () => file.close(),
    };
  }

  async #wait(): Promise<void> {
    const turns = this.#turns();
    if (turns > 0) this.delays += 1;
    for (let turn = 0; turn < turns; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
