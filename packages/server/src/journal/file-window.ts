// The bytes of a file around the present place, read ahead in large pieces, so that small reads cost
// no round trip each and memory stays bounded by two pieces or one block. The next piece is on its
// way while the present one is worked on: whoever stops early waits for it with `rest`.
import { Buffer } from "node:buffer";
import { bufferOf } from "./bytes.ts";
import type { Disk } from "./disk.ts";

/** One pass over a file that nobody shortens meanwhile. */
export class FileWindow {
  readonly size: number;
  readonly #disk: Disk;
  readonly #path: string;
  #start = 0;
  #bytes: Buffer = bufferOf(new Uint8Array(0));
  /** What follows the present bytes. */
  #ahead: Promise<Uint8Array> | null = null;

  constructor(disk: Disk, path: string, size: number) {
    this.#disk = disk;
    this.#path = path;
    this.size = size;
  }

  /** Fewer bytes only at the end of the file. A view, good until the next call. */
  async bytesAt(offset: number, length: number): Promise<Buffer> {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    const isInside = (): boolean =>
      offset >= this.#start && offset + wanted <= this.#start + this.#bytes.length;
    if (!isInside()) await this.#goOn(offset);
    if (!isInside()) {
      const read = Math.min(Math.max(wanted, windowBytes), this.size - offset);
      this.#bytes = bufferOf(await this.#disk.read(this.#path, offset, read));
      this.#start = offset;
    }
    // A block larger than a piece is read by itself.
    if (this.#ahead === null && wanted <= windowBytes) this.#readAhead();
    const from = offset - this.#start;
    return this.#bytes.subarray(from, from + wanted);
  }

  /** Resolves when nothing is being read; to be called before the disk is closed. */
  async rest(): Promise<void> {
    await this.#ahead?.catch(() => null);
    this.#ahead = null;
  }

  /** Appends what was read ahead to what is left from there on. */
  async #goOn(offset: number): Promise<void> {
    if (this.#ahead === null) return;
    const ahead = this.#ahead;
    this.#ahead = null;
    const next = bufferOf(await ahead);
    const left = this.#bytes.subarray(Math.max(0, offset - this.#start));
    this.#start += this.#bytes.length - left.length;
    this.#bytes = left.length === 0 ? next : Buffer.concat([left, next]);
  }

  #readAhead(): void {
    const from = this.#start + this.#bytes.length;
    if (from >= this.size) return;
    this.#ahead = this.#disk.read(this.#path, from, Math.min(windowBytes, this.size - from));
    // Whoever gets there hears of a failure.
    this.#ahead.catch(() => null);
  }
}

const windowBytes = 1024 * 1024;
