// The bytes of a file around the present place, read ahead in large pieces, so that small reads cost
// no round trip each and memory stays bounded by one piece or one block.
import type { Buffer } from "node:buffer";
import { bufferOf } from "./bytes.ts";
import type { Disk } from "./disk.ts";

/** One pass over a file that nobody shortens meanwhile. */
export class FileWindow {
  readonly size: number;
  readonly #disk: Disk;
  readonly #path: string;
  #start = 0;
  #bytes: Buffer = bufferOf(new Uint8Array(0));

  constructor(disk: Disk, path: string, size: number) {
    this.#disk = disk;
    this.#path = path;
    this.size = size;
  }

  /** Fewer bytes only at the end of the file. A view, good until the next call. */
  async bytesAt(offset: number, length: number): Promise<Buffer> {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    const inside = offset >= this.#start && offset + wanted <= this.#start + this.#bytes.length;
    if (!inside) {
      const read = Math.min(Math.max(wanted, windowBytes), this.size - offset);
      this.#bytes = bufferOf(await this.#disk.read(this.#path, offset, read));
      this.#start = offset;
    }
    const from = offset - this.#start;
    return this.#bytes.subarray(from, from + wanted);
  }
}

const windowBytes = 1024 * 1024;
